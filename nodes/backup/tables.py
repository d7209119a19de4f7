"""Which rows a back-up holds, and each of them as a line of JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any, BinaryIO

from django.apps import apps
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BinaryField, Field, JSONField, Model, TextField

ROWS_AT_ONCE = 500
# Of a table with texts of any length, say logs of 8 MiB.
LONG_ROWS_AT_ONCE = 8
_BYTES_AT_ONCE = 16 * 1024**2
# Sessions and throttled sign-ins end with the site; processes and what they hold are not there
# any more; what had to be left on nodes was told of nodes as they were then.
_APPS = ("contenttypes", "auth", "nodes")
_LEFT_OUT = ("nodes.lease", "nodes.worker", "nodes.leftover")


def tables() -> list[type[Model]]:
    """Return the models of all rows that are kept, those between two others included."""
    return [
        model
        for label in _APPS
        for model in apps.get_app_config(label).get_models(include_auto_created=True)
        if model._meta.label_lower not in _LEFT_OUT
    ]


def emptied_tables() -> list[type[Model]]:
    """Return the models of all rows that a restore removes, whatever it puts there."""
    sessions = apps.get_app_config("sessions").get_models()
    entries = apps.get_app_config("admin").get_models()
    left_out = [apps.get_model(label) for label in _LEFT_OUT]
    return [*sessions, *entries, *left_out, *tables()]


def write_rows(model: type[Model], alias: str, file: BinaryIO) -> int:
    """Write the rows as lines, in constant memory; return how many."""
    fields = model._meta.concrete_fields
    count = 0
    rows = model._default_manager.using(alias).order_by("pk")
    at_once = LONG_ROWS_AT_ONCE if any(map(_is_long, fields)) else ROWS_AT_ONCE
    for row in rows.iterator(chunk_size=at_once):
        values = [_plain(field, row) for field in fields]
        line = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
        file.write(line.encode() + b"\n")
        count += 1
    return count


def columns(model: type[Model]) -> list[str]:
    return [field.attname for field in model._meta.concrete_fields]


def _is_long(field: Field[Any, Any]) -> bool:
    return isinstance(field, TextField | JSONField | BinaryField)


def wait_for_ever(connection: BaseDatabaseWrapper) -> None:
    """Have the transaction not be ended because a disk is slower than the database."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")


def read_rows(model: type[Model], file: BinaryIO) -> Iterator[tuple[Model, int]]:
    """Yield the rows that write_rows has written, and the bytes of each; they are not saved."""
    fields = model._meta.concrete_fields
    for line in file:
        values = json.loads(line)
        row = model()
        for field, value in zip(fields, values, strict=True):
            setattr(row, field.attname, field.to_python(value))
        yield row, len(line)


def save_rows(model: type[Model], rows: Iterator[tuple[Model, int]], alias: str) -> int:
    """Insert the rows exactly as they are; return how many."""
    fields = model._meta.concrete_fields
    connection = connections[alias]
    count = 0
    for some in _portions(rows):
        at_once = connection.ops.bulk_batch_size(fields, some)
        for start in range(0, len(some), at_once):
            # raw: bulk_create would set every time at which a row was made to now.
            model._base_manager.using(alias)._insert(  # type: ignore[attr-defined]
                some[start : start + at_once], fields=fields, using=alias, raw=True
            )
        count += len(some)
    return count


def _portions(rows: Iterator[tuple[Model, int]]) -> Iterator[list[Model]]:
    some: list[Model] = []
    some_bytes = 0
    for row, size_bytes in rows:
        if some and (len(some) == ROWS_AT_ONCE or some_bytes + size_bytes > _BYTES_AT_ONCE):
            yield some
            some, some_bytes = [], 0
        some.append(row)
        some_bytes += size_bytes
    if some:
        yield some


def _plain(field: Field[Any, Any], row: Model) -> Any:
    value = getattr(row, field.attname)
    if isinstance(value, datetime):
        # All digits of the second, which Django's own encoder cuts off.
        return value.isoformat()
    if isinstance(value, bytes | memoryview):
        return field.value_to_string(row)
    return value
