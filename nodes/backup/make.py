"""Write everything that the site knows into one file, while it serves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, connections, transaction
from django.utils import timezone

from nodes.archives.place import archive_store
from nodes.audit import audit
from nodes.backup import manifest as names
from nodes.backup.errors import BackupError, NoSite
from nodes.backup.manifest import Manifest, schema
from nodes.backup.tables import ROWS_AT_ONCE, columns, tables, wait_for_ever, write_rows
from nodes.backup.writing import BackupFile, backup_file
from nodes.models import Archive, Node

_ALIAS = "backup"


def _require_site() -> None:
    try:
        Node.objects.exists()
    except DatabaseError as error:
        raise NoSite(str(settings.FERRY_DATA_DIR), str(error)) from error


def make_backup(path: Path, *, with_archives: bool) -> Manifest:
    """Write the back-up; return what it says of itself. Raises BackupError.

    All rows are of one moment. Without ``with_archives`` it holds the catalog's rows alone.
    """
    _require_site()
    try:
        manifest = _written(path, with_archives=with_archives)
    except DatabaseError as error:
        raise BackupError(
            "The back-up could not be made: the database has not given the rows.",
            cause=str(error).strip(),
            remedy="See to the database, then make the back-up again.",
        ) from error
    # Whoever has the file has every secret of the site.
    audit(None, "site.backup", path.name, with_archives=with_archives)
    return manifest


def _written(path: Path, *, with_archives: bool) -> Manifest:
    manifest = Manifest(
        made_at=timezone.now().isoformat(), schema=schema(), with_archives=with_archives
    )
    with backup_file(path, manifest) as file:
        file.add_bytes(names.SECRET_KEY, settings.SECRET_KEY.encode())
        with _one_moment() as alias:
            for model in tables():
                label = model._meta.label_lower
                manifest.columns[label] = columns(model)
                manifest.rows[label] = file.add_written(
                    f"{names.ROWS}{label}", partial(write_rows, model, alias)
                )
            archives = _archives(alias) if with_archives else []
        # Not within: they never change, and a transaction that takes hours holds others up.
        for key, name, sha256 in archives:
            _add_archive(file, key, name, sha256)
    return manifest


@contextmanager
def _one_moment() -> Iterator[str]:
    """Yield the alias of a connection that sees all rows as they are now, and holds up nobody."""
    connection = connections["default"].copy(_ALIAS)
    if connection.vendor == "sqlite":
        # IMMEDIATE would keep the site from writing meanwhile.
        connection.settings_dict["OPTIONS"]["transaction_mode"] = "DEFERRED"
    connections[_ALIAS] = connection
    try:
        with transaction.atomic(using=_ALIAS):
            if connection.vendor == "postgresql":
                with connection.cursor() as cursor:
                    cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                wait_for_ever(connection)
            yield _ALIAS
    finally:
        connection.close()
        del connections[_ALIAS]


def _archives(alias: str) -> list[tuple[str, str, str]]:
    rows = Archive.objects.using(alias).order_by("pk").values_list("key", "name", "sha256")
    return list(rows.iterator(chunk_size=ROWS_AT_ONCE))


def _add_archive(file: BackupFile, key: str, name: str, sha256: str) -> None:
    """Add one file of the catalog, unless it has gone since; say so if its bytes have changed."""
    try:
        archive = archive_store().path(key).open("rb")
    except FileNotFoundError:
        file.manifest.left_out.append(name)
        return
    with archive:
        size_bytes = archive.seek(0, 2)
        archive.seek(0)
        member = file.add(f"{names.ARCHIVES}{key}", archive, size_bytes)
    if member.sha256 != sha256:
        file.manifest.damaged.append(name)
