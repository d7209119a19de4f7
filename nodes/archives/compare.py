"""Compare what is kept of two archives' contents."""

from __future__ import annotations

from typing import Any

from nodes.catalog.compare import Comparison, compare
from nodes.models import Archive

# What no comparison looks at, and is large.
_NOT_COMPARED = ("log", "timings")


def compare_archives(left: Archive, right: Archive) -> Comparison:
    """Return what the second has otherwise than the first."""
    return compare(_sections(left), _sections(right))


def _sections(archive: Archive) -> dict[str, Any]:
    return dict(archive.sections.exclude(name__in=_NOT_COMPARED).values_list("name", "data"))
