"""Compare two JSON documents by the paths of their values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from nodes.catalog.compare_result import SectionComparison, Value

_MOST_VALUES: Final = 20_000
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")


def compare_documents(
    section: SectionComparison, left: Mapping[str, Any], right: Mapping[str, Any]
) -> None:
    """Compare all values, of which a document of Podman's has some thousand."""
    section.add_all(flatten(left), flatten(right))


def flatten(document: Any) -> dict[str, Value]:
    """Return every value by its path, such as process.args[0]."""
    found: dict[str, Value] = {}
    for path, value in _values(document, ""):
        if len(found) >= _MOST_VALUES:
            break
        found[path] = value
    return found


def _values(value: Any, path: str) -> Iterator[tuple[str, Value]]:
    if isinstance(value, Mapping) and value:
        for key, part in value.items():
            yield from _values(part, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and value and all(_is_variable(part) for part in value):
        # The environment: in which place a variable stands does not matter.
        for part in value:
            name, _, text = part.partition("=")
            yield f"{path}.{name}", text
    elif isinstance(value, list) and value:
        for index, part in enumerate(value):
            yield from _values(part, f"{path}[{index}]")
    else:
        yield path, _word(value)


def _is_variable(value: Any) -> bool:
    return isinstance(value, str) and _VARIABLE.match(value) is not None


def _word(value: Any) -> Value:
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    if value is None or value in ({}, []):
        return "nothing"
    return str(value).lower() if isinstance(value, bool) else str(value)
