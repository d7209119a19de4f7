"""Read Podman's JSON, or say that it is none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from nodes.problem import FerryError

_SHOWN_CHARS = 200
# What reading raises when an answer has another form than Podman's. OSError is of timestamps.
_UNEXPECTED = (
    LookupError,
    TypeError,
    AttributeError,
    ValueError,
    ArithmeticError,
    OSError,
    RecursionError,
)


class UnreadableAnswer(FerryError):
    code = "podman_answer_unreadable"


def parse_json(text: str, command: str) -> Any:
    """Raise UnreadableAnswer; an empty answer is one too, never an empty list."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise UnreadableAnswer(
            f"`{command}` answered something that is not JSON.",
            cause=text.strip()[:_SHOWN_CHARS] or "the answer was empty",
            remedy="Run the command on the host and look at what it prints.",
        ) from error


@contextmanager
def reading(command: str) -> Iterator[None]:
    """Raise UnreadableAnswer for whatever goes wrong inside; serves as a decorator too."""
    try:
        yield
    except _UNEXPECTED as error:
        raise UnreadableAnswer(
            f"`{command}` answered something that Ferry does not understand.",
            cause=f"{type(error).__name__}: {error}"[:_SHOWN_CHARS],
            remedy="Run the command on the host and look at what it prints.",
        ) from error


def text_of(value: Any, width: int | None = None) -> str:
    """Return a value as text that every database takes; nothing is empty text."""
    if value is None:
        return ""
    # Lone surrogates and NUL are valid in JSON, but in no UTF-8 column.
    text = str(value).encode(errors="replace").decode().replace("\0", "\ufffd")
    return text[:width]


def list_of(value: Any) -> list[Any]:
    """Return a list, empty for null. Raises TypeError, so that text is not taken for one."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise TypeError(f"a list was expected, not {type(value).__name__}")
    return value


def texts_of(value: Any) -> list[str]:
    return [text_of(part) for part in list_of(value)]


def number_of(value: Any, least: int, most: int) -> int:
    """Return a whole number, 0 for null or empty. Raises ValueError beyond the limits."""
    number = int(value or 0)
    if not least <= number <= most:
        raise ValueError(f"{number} is not between {least} and {most}")
    return number
