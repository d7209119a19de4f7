"""What a privilege of a container is, and how documents that may be of any shape are asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final, TypedDict, TypeVar

REFUSED: Final = "refused"
HIGH: Final = "high"
MEDIUM: Final = "medium"

_NAMES = {dict: "an object", list: "a list", str: "a text", bool: "true or false", int: "a number"}
_T = TypeVar("_T")


class Privilege(TypedDict):
    """What a restore would give the container beyond what an ordinary one has.

    ``risk``: refused (a restore is never allowed), high, medium.
    """

    kind: str
    what: str
    why: str
    risk: str


class WrongShape(Exception):
    """A document says something else than it can say; the message tells where."""


def privilege(kind: str, what: str, why: str, risk: str) -> Privilege:
    return Privilege(kind=kind, what=what, why=why, risk=risk)


class Answers:
    """An object of a JSON document; what is absent or null in it is empty.

    Every question raises WrongShape when the answer is of another type than it should be, or is
    there by a name that only Go takes for the same: it does not mind the case of letters.
    """

    def __init__(self, values: Any, place: str) -> None:
        self.place = place
        self.values: dict[str, Any] = _checked(values, dict, place)
        self._spellings = Counter(key.casefold() for key in self.values)

    def text(self, key: str) -> str:
        return self._value(key, str, "")

    def flag(self, key: str) -> bool:
        return self._value(key, bool, False)

    def number(self, key: str) -> int:
        return self._value(key, int, 0)

    def texts(self, key: str) -> list[str]:
        return [_checked(value, str, self._at(key)) for value in self._value(key, list, [])]

    def pairs(self, key: str) -> dict[str, str]:
        """Return an object whose values are texts."""
        found: dict[str, Any] = self._value(key, dict, {})
        return {name: _checked(value, str, self._at(key)) for name, value in found.items()}

    def part(self, key: str) -> Answers:
        return Answers(self._value(key, dict, {}), self._at(key))

    def parts(self, key: str) -> Iterator[Answers]:
        for value in self._value(key, list, []):
            yield Answers(value, self._at(key))

    def _value(self, key: str, kind: type[_T], empty: _T) -> _T:
        value = self.values.get(key)
        if self._spellings[key.casefold()] != (key in self.values):
            raise WrongShape(f"{self._at(key)} is spelled otherwise")
        return empty if value is None else _checked(value, kind, self._at(key))

    def _at(self, key: str) -> str:
        return f"{self.place}: {key}"


def _checked(value: Any, kind: type[_T], place: str) -> _T:
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise WrongShape(f"{place} should be {_NAMES[kind]}")
    return value
