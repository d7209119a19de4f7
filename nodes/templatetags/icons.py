"""Heroicons' tags, each icon drawn once: every drawing is a copy and a walk of an XML tree."""

from __future__ import annotations

from functools import lru_cache

from django import template
from heroicons.templatetags import heroicons

register = template.Library()
# Names and attributes come from our own templates, of which there are fewer.
MOST_ICONS = 512

for _draw in (
    heroicons.heroicon_micro,
    heroicons.heroicon_mini,
    heroicons.heroicon_outline,
    heroicons.heroicon_solid,
):
    register.simple_tag(lru_cache(MOST_ICONS)(_draw))
