"""Make a JSON document a bounded tree to look at, with what a search leaves of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

# A template goes down one include for each level.
MOST_DEPTH = 12
MOST_BRANCHES = 4000
_TEXT_CHARS = 2000
_INLINE_CHARS = 72
_FOLDED_FROM = 12
_OPEN_DEPTH = 1


@dataclass(kw_only=True)
class Branch:
    """One key of an object or one item of an array."""

    key: str
    kind: str  # object, array, text, number, word (true, false, null)
    # Of a value, all of it; of what has children, a word about the first of them.
    text: str = ""
    children: list[Branch] = field(default_factory=list)
    # How many children the document has here, shown or not.
    count: int = 0
    is_open: bool = False


@dataclass(frozen=True, kw_only=True)
class JsonTree:
    branches: list[Branch]
    shown: int
    # Whether the document is larger than what is shown.
    cut: bool


def json_tree(document: Any, search: str = "", *, most: int = MOST_BRANCHES) -> JsonTree:
    """Return the document's branches, only those that hold ``search`` if there is one."""
    builder = _Builder(search.casefold(), most)
    branches = builder.children_of(document, 0, matched=not search)
    return JsonTree(branches=branches, shown=most - builder.left, cut=builder.cut)


class _Builder:
    def __init__(self, search: str, most: int) -> None:
        self._search = search
        self.left = most
        # Whether there was something to show when nothing was left.
        self.cut = False

    def children_of(self, value: Any, depth: int, *, matched: bool) -> list[Branch]:
        found = []
        for key, item in _items(value):
            if self.left <= 0:
                self.cut = self.cut or self._belongs(key, item, depth, matched=matched)
                if self.cut:
                    break
                continue
            branch = self._branch(key, item, depth, matched=matched)
            if branch is not None:
                found.append(branch)
        return found

    def _branch(self, key: str, value: Any, depth: int, *, matched: bool) -> Branch | None:
        matched = matched or self._search in key.casefold()
        if _is_leaf(value, depth):
            return self._leaf(key, _kind(value), _as_text(value), matched)
        children = self.children_of(value, depth + 1, matched=matched)
        if not children and not matched:
            return None
        self.left -= 1
        return Branch(
            key=key,
            kind=_kind(value),
            text=_glimpse(value),
            children=children,
            count=len(value),
            is_open=bool(self._search) or _is_open(value, depth),
        )

    def _belongs(self, key: str, value: Any, depth: int, *, matched: bool) -> bool:
        if matched or self._search in key.casefold():
            return True
        if _is_leaf(value, depth):
            return self._search in _as_text(value).casefold()
        return any(
            self._belongs(name, item, depth + 1, matched=False) for name, item in _items(value)
        )

    def _leaf(self, key: str, kind: str, text: str, matched: bool) -> Branch | None:
        if not matched and self._search not in text.casefold():
            return None
        self.left -= 1
        return Branch(key=key, kind=kind, text=text)


def _items(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        yield from ((str(key), item) for key, item in value.items())
    elif isinstance(value, list):
        yield from ((str(index), item) for index, item in enumerate(value))


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        return "object"
    if isinstance(value, list):
        return "array"
    if isinstance(value, str):
        return "text"
    return "word" if value is None or isinstance(value, bool) else "number"


def _as_text(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _TEXT_CHARS else f"{text[:_TEXT_CHARS]}…"


def _is_leaf(value: Any, depth: int) -> bool:
    if not isinstance(value, dict | list) or not value or depth >= MOST_DEPTH:
        return True
    return _fits_a_line(value)


def _is_open(value: Any, depth: int) -> bool:
    is_short = len(value) <= _FOLDED_FROM
    is_flat = isinstance(value, list) and not any(isinstance(item, dict | list) for item in value)
    return is_short and (depth < _OPEN_DEPTH or (depth == _OPEN_DEPTH and is_flat))


def _glimpse(value: Any) -> str:
    """Tell the items of an array of objects apart without opening them."""
    if not isinstance(value, dict):
        return ""
    texts = [item for item in value.values() if isinstance(item, str) and item]
    glimpse = ", ".join(texts[:2])
    return glimpse if len(glimpse) <= _INLINE_CHARS else f"{glimpse[:_INLINE_CHARS]}…"


def _fits_a_line(value: Any) -> bool:
    if not isinstance(value, list) or any(isinstance(item, dict | list) for item in value):
        return False
    return len(value) <= _FOLDED_FROM and len(json.dumps(value)) <= _INLINE_CHARS
