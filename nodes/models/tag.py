"""A word that people put on archives and nodes to find them again."""

from __future__ import annotations

import re
from collections.abc import Iterable

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models

TAG_PATTERN = r"^[a-z0-9][a-z0-9_.-]{0,39}$"
# On one archive, or one node.
MOST_TAGS = 20
validate_tag = RegexValidator(
    TAG_PATTERN, "A tag has up to 40 small letters, digits, dots, dashes and underscores."
)


class Tag(models.Model):
    """One of the archives; a node, of which there are few, has the words themselves."""

    name = models.CharField(max_length=40, unique=True, validators=[validate_tag])

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


def checked_tags(names: Iterable[str]) -> list[str]:
    """Return the names in order, each once. Raises ValidationError."""
    wanted = sorted(set(names))
    if len(wanted) > MOST_TAGS:
        raise ValidationError(f"Use up to {MOST_TAGS} tags.")
    for name in wanted:
        # In whole: before a newline at its end the pattern is content.
        if not re.fullmatch(TAG_PATTERN, name):
            raise ValidationError(validate_tag.message)
    return wanted
