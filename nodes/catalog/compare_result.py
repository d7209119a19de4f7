"""What two archives differ in, section by section, and how one section is compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeVar

Change = Literal["added", "removed", "changed"]
# A number is one of bytes where the difference says so.
Value = str | int

_T = TypeVar("_T")
_MOST: Final = 2000
_MOST_CHARS: Final = 500


@dataclass(frozen=True, kw_only=True)
class Difference:
    """``left`` is None if it was added, ``right`` if it was removed."""

    change: Change
    what: str
    left: Value | None
    right: Value | None
    unit: Literal["", "bytes"] = ""


@dataclass(kw_only=True)
class SectionComparison:
    name: str
    title: str
    differences: list[Difference] = field(default_factory=list)
    unchanged: int = 0
    # How many differences there are beyond those that are listed.
    left_out: int = 0
    # Why there is nothing to compare, "" if there is.
    missing: str = ""

    @property
    def total(self) -> int:
        return len(self.differences) + self.left_out

    def add(self, what: str, left: Value | None, right: Value | None, unit: str = "") -> None:
        """Compare one thing; None is where it is not."""
        if left == right:
            self.unchanged += 1
        elif len(self.differences) >= _MOST:
            self.left_out += 1
        else:
            self.differences.append(
                Difference(
                    change="added" if left is None else "removed" if right is None else "changed",
                    what=_short(what),
                    left=_short(left),
                    right=_short(right),
                    unit="bytes" if unit == "bytes" else "",
                )
            )

    def add_all(
        self, left: Mapping[str, Value], right: Mapping[str, Value], unit: str = ""
    ) -> None:
        """Compare things that are called the same on both sides."""
        for what in (*left, *(what for what in right if what not in left)):
            self.add(what, left.get(what), right.get(what), unit)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    sections: list[SectionComparison]

    @property
    def total(self) -> int:
        return sum(section.total for section in self.sections)

    def __iter__(self) -> Iterator[SectionComparison]:
        return iter(self.sections)


def numbered(pairs: Iterable[tuple[str, Value]]) -> dict[str, Value]:
    """Return a mapping of what may be there several times, each then with its number."""
    seen: Counter[str] = Counter()
    found: dict[str, Value] = {}
    for what, value in pairs:
        seen[what] += 1
        found[what if seen[what] == 1 else f"{what} (no. {seen[what]})"] = value
    return found


def _short(value: _T) -> _T | str:
    if isinstance(value, str) and len(value) > _MOST_CHARS:
        return f"{value[:_MOST_CHARS]}…"
    return value
