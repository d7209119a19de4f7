"""Cut the list of archives into pages without counting or sorting more than a page needs."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import QuerySet

from nodes.archives.find import as_listed, find_archives
from nodes.models import Archive

ROWS = 50
# So many are counted where counting means to read the whole catalog.
MOST_COUNTED = 10_000
# No index helps with these.
_READ_ALL = {"q", "pinned", "origin"}
_NUMBER = re.compile(r"[1-9][0-9]{0,8}")


@dataclass(frozen=True, kw_only=True)
class ArchivePage:
    archives: list[Archive]
    number: int
    pages: int
    # On all pages, or MOST_COUNTED where there are more of them.
    total: int
    has_more: bool = False

    @property
    def first_row(self) -> int:
        return (self.number - 1) * ROWS + 1

    @property
    def last_row(self) -> int:
        return self.first_row + len(self.archives) - 1


def page_of(params: Mapping[str, str]) -> ArchivePage:
    """Return the page that ``page`` asks for, or the last one where there are fewer."""
    found = find_archives(params)
    if not any(params.get(name) for name in _READ_ALL):
        total = found.count()
        number, pages = _place(params, total)
        keys = _keys(found, (number - 1) * ROWS, total)
        return ArchivePage(archives=_rows(keys), number=number, pages=pages, total=total)
    # One reading tells both how many there are and which.
    all_keys = list(found.values_list("pk", flat=True)[: MOST_COUNTED + 1])
    total = min(len(all_keys), MOST_COUNTED)
    number, pages = _place(params, total)
    return ArchivePage(
        archives=_rows(all_keys[:total][(number - 1) * ROWS : number * ROWS]),
        number=number,
        pages=pages,
        total=total,
        has_more=len(all_keys) > MOST_COUNTED,
    )


def _place(params: Mapping[str, str], total: int) -> tuple[int, int]:
    """Return the number of the page, and of how many."""
    wanted = params.get("page", "")
    pages = max(1, math.ceil(total / ROWS))
    return min(int(wanted) if _NUMBER.fullmatch(wanted) else 1, pages), pages


def _keys(found: QuerySet[Archive], offset: int, total: int) -> list[int]:
    count = min(ROWS, total - offset)
    keys = found.values_list("pk", flat=True)
    if offset <= total / 2:
        return list(keys[offset : offset + count])
    # From the other end: whatever comes before a page has to be sorted, too.
    left = total - offset - count
    return list(keys.reverse()[left : left + count])[::-1]


def _rows(keys: list[int]) -> list[Archive]:
    rows = {row.pk: row for row in as_listed(Archive.objects.filter(pk__in=keys))}
    return [rows[key] for key in keys if key in rows]
