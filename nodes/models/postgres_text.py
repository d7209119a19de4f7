"""Let PostgreSQL keep text that it has no way to keep: it takes no NUL, in text or in JSON.

Command lines, logs and names of containers may hold one, and so may what somebody types. As where
such text comes from (nodes/podman/answer.py), U+FFFD stands in its place; SQLite keeps it as it is.
"""

from __future__ import annotations

import re
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

# An escaped NUL in JSON, but not what follows an escaped backslash.
_ESCAPED_NUL = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")


def replace_nul_on_postgres() -> None:
    connection_created.connect(_adapt, dispatch_uid="ferry-nul")


def _adapt(connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    if connection.vendor != "postgresql":
        return
    # The driver is there only where it is needed.
    from psycopg.adapt import PyFormat
    from psycopg.types import string
    from psycopg.types.json import Jsonb

    adapters = connection.connection.adapters
    for kind in (PyFormat.TEXT, PyFormat.BINARY):
        # The driver's fast ones, written in C, are not to be derived from.
        text = getattr(string, adapters.get_dumper(str, kind).__name__)
        json = adapters.get_dumper(Jsonb, kind)
        adapters.register_dumper(str, type("TextDumper", (text,), {"dump": _dump_text(text)}))
        adapters.register_dumper(Jsonb, type("JsonDumper", (json,), {"dump": _dump_json(json)}))


def _dump_text(dumper: Any) -> Any:
    def dump(self: Any, value: str) -> Any:
        return dumper.dump(self, value.replace("\0", "\ufffd") if "\0" in value else value)

    return dump


def _dump_json(dumper: Any) -> Any:
    def dump(self: Any, value: Any) -> Any:
        written = dumper.dump(self, value)
        if b"u0000" not in written:
            return written
        return _ESCAPED_NUL.sub(rb"\1\\ufffd", bytes(written))

    return dump
