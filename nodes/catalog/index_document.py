"""Read the JSON documents of an archive, which may be of any shape."""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import Any, NoReturn

from nodes.catalog.errors import ArchiveUnreadable

_MOST_VALUES = 100_000
_MOST_TEXTS = 200_000
_MOST_DEPTH = 40
_MOST_CHARACTERS = 64 * 1024
# Of the largest number of 64 bits, and its sign.
_MOST_DIGITS = 20
_NAMES = {dict: "an object", list: "a list", str: "a text", int: "a number"}


class Document:
    """One object of a document; what is absent or null in it is empty.

    Every question raises ArchiveUnreadable when the answer is of another type than it should be, or
    is there by a name that only Go takes for the same: it does not mind the case of letters.
    """

    def __init__(self, name: str, values: dict[str, Any]) -> None:
        self.name = name
        self.values = values
        self._spellings = Counter(key.casefold() for key in values)

    def text(self, key: str) -> str:
        value: str = self._value(key, str) or ""
        return value

    def number(self, key: str) -> int:
        value: int = self._value(key, int) or 0
        return value

    def texts(self, key: str) -> list[str]:
        return [
            self._checked(f"{key}[{number}]", value, str)
            for number, value in enumerate(self._value(key, list) or [])
        ]

    def mapping(self, key: str) -> dict[str, str]:
        """Return an object whose values are texts."""
        found = self._value(key, dict) or {}
        return {name: self._checked(f"{key}.{name}", value, str) for name, value in found.items()}

    def part(self, key: str) -> Document:
        return Document(f"{self.name}: {key}", self._value(key, dict) or {})

    def parts(self, key: str) -> list[Document]:
        return [
            Document(f"{self.name}: {key}", self._checked(f"{key}[{number}]", value, dict))
            for number, value in enumerate(self._value(key, list) or [])
        ]

    def named_parts(self, key: str = "") -> dict[str, Document]:
        """Return the objects in an object, by name; without a key, those in this one."""
        document = self.part(key) if key else self
        return {
            name: Document(f"{document.name}: {name}", document._checked(name, value, dict))
            for name, value in document.values.items()
            if value is not None
        }

    def _value(self, key: str, kind: type) -> Any:
        value = self.values.get(key)
        if self._spellings[key.casefold()] != (key in self.values):
            raise ArchiveUnreadable(f"{self.name}: {key} is spelled otherwise.")
        return None if value is None else self._checked(key, value, kind)

    def _checked(self, key: str, value: Any, kind: type) -> Any:
        if not isinstance(value, kind) or isinstance(value, bool):
            raise ArchiveUnreadable(f"{self.name}: {key} should be {_NAMES[kind]}, and is not.")
        return value


def parse_document(name: str, data: bytes) -> Document:
    """Return the object that a member of the archive holds. Raises ArchiveUnreadable."""
    value = _parse(name, data, _MOST_VALUES)
    if value is None:
        value = {}
    if not isinstance(value, dict):
        raise ArchiveUnreadable(f"{name} should be a JSON object, and is not.")
    return Document(name, value)


def parse_texts(name: str, data: bytes) -> list[str]:
    """Return the list of texts that a member holds. Raises ArchiveUnreadable."""
    texts = _parse(name, data, _MOST_TEXTS) or []
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise ArchiveUnreadable(f"{name} should be a list of texts, and is not.")
    return texts


def _parse(name: str, data: bytes, most_values: int) -> Any:
    # Each value costs 64 bytes, and there may be one in two or three bytes.
    if sum(data.count(sign) for sign in (b"[", b"{", b",")) > most_values:
        raise ArchiveUnreadable(f"{name} has more than {most_values:,} values.")
    try:
        value = json.loads(
            data.decode(),
            parse_constant=_refuse_constant,
            parse_float=_finite,
            parse_int=_short,
            object_pairs_hook=_without_twins,
        )
    except (ValueError, RecursionError) as error:
        raise ArchiveUnreadable(f"{name} is no JSON that can be taken: {error}.") from error
    return tidy(value)


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a key that is there twice: Go merges the two, where Python takes the last."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an object has a key twice")
    return found


def tidy(value: Any, depth: int = 0) -> Any:
    """Bound texts, in place, and drop what no database takes: zeros and lone surrogates.

    Raises ArchiveUnreadable for what is nested too deeply.
    """
    if isinstance(value, str):
        return _tidy_text(value)
    if isinstance(value, list | dict) and depth > _MOST_DEPTH:
        raise ArchiveUnreadable(f"A document in it is nested more than {_MOST_DEPTH} deep.")
    if isinstance(value, list):
        value[:] = [tidy(item, depth + 1) for item in value]
    elif isinstance(value, dict):
        for key in list(value):
            item = tidy(value.pop(key), depth + 1)
            value[_tidy_text(key)] = item
    return value


def _tidy_text(text: str) -> str:
    if text.isascii() and "\0" not in text:
        return text[:_MOST_CHARACTERS]
    printable = text[:_MOST_CHARACTERS].replace("\0", "�")
    return printable.encode(errors="replace").decode()


def _finite(text: str) -> float:
    """Refuse 1e999, which Python takes for infinity and no database for JSON."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is too large")
    return number


def _short(text: str) -> int:
    if len(text) > _MOST_DIGITS:
        raise ValueError("a number is too large")
    return int(text)


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON number")
