"""Say in every line of the log what it belongs to: the request, the operation."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

# Tasks and threads that asgiref starts get a copy of it.
_bound: ContextVar[Mapping[str, str]] = ContextVar("log_context", default={})  # noqa: B039


@contextmanager
def bound(**values: object) -> Iterator[None]:
    """Add these to every line that is logged within; an empty value is left out."""
    given = {name: str(value) for name, value in values.items() if value not in ("", None)}
    token = _bound.set({**_bound.get(), **given})
    try:
        yield
    finally:
        _bound.reset(token)


class ContextFilter(logging.Filter):
    """Give each record what is bound where it was logged."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.context = _bound.get()
        return True
