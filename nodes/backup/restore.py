"""Make the site of a back-up again: all of it, or nothing."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import Model

from nodes.audit import audit
from nodes.backup import manifest as names
from nodes.backup.errors import BackupError, BackupUnreadable
from nodes.backup.manifest import Manifest, Member
from nodes.backup.quiet import nobody_else
from nodes.backup.secret_key import exchanged_secret_key, settle_secret_key
from nodes.backup.stale import age_rows, set_sequences
from nodes.backup.tables import (
    columns,
    emptied_tables,
    read_rows,
    save_rows,
    tables,
    wait_for_ever,
)
from nodes.backup.unpack import unpack
from nodes.models import Archive, Node, Operation

_UNPACKED = ".restoring-"


@dataclass(frozen=True)
class Restored:
    """What became of the back-up's operations and archives, and what else lies in the catalog."""

    manifest: Manifest
    cancelled: int
    unknown: int
    missing: int
    unlisted: int


def restore_backup(path: Path, *, replace: bool) -> Restored:
    """Put the back-up in the place of the site, whose tables are brought up to date first.

    Raises BackupError; then no row, archive or key was changed.
    """
    with nobody_else(), ExitStack() as stack:
        # What is secret stays off the catalog's disk, which may be shared.
        folder = stack.enter_context(_folder_in(settings.FERRY_DATA_DIR))
        # On the same disk, so that a file of gigabytes only has to be renamed.
        files = stack.enter_context(_folder_in(settings.FERRY_ARCHIVES_DIR))
        manifest = unpack(path, folder, files)
        manifest.require_schema()
        key = (folder / names.SECRET_KEY).read_text()
        _require_settable(key)
        if not replace:
            _require_empty()
        call_command("migrate", verbosity=0)
        settle_secret_key()
        with _archives_in_place(files / names.ARCHIVES, manifest):
            return _replace_rows(manifest, folder, key)


@contextmanager
def _folder_in(place: Path) -> Iterator[Path]:
    for leftover in place.glob(f"{_UNPACKED}*"):
        # Of a restore that was killed: nobody else restores now.
        shutil.rmtree(leftover, ignore_errors=True)
    try:
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder = Path(tempfile.mkdtemp(prefix=_UNPACKED, dir=place))
    except OSError as error:
        raise BackupError(
            f"{place} cannot be written. Nothing was changed.",
            cause=str(error),
            remedy="Restore it as the user as which the site runs.",
        ) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _require_settable(key: str) -> None:
    if settings.FERRY_GIVEN_SECRET_KEY not in ("", key):
        raise BackupError(
            "FERRY_SECRET_KEY is not the secret key of the back-up. Nothing was changed.",
            cause="The site's SSH key is encrypted with that of the back-up.",
            remedy="Leave FERRY_SECRET_KEY out, to have the key kept in a file, or set it to that "
            "of the site of the back-up.",
        )


def _require_empty() -> None:
    there = set(connection.introspection.table_names())
    for model in (User, Node, Operation, Archive):
        if model._meta.db_table in there and model._default_manager.exists():
            raise BackupError(
                "The site is not empty. Nothing was changed.",
                cause=f"It has {model._meta.verbose_name_plural}.",
                remedy="Restore it into an empty data folder and database, or add --replace to "
                "lose what this site knows.",
            )


@contextmanager
def _archives_in_place(folder: Path, manifest: Manifest) -> Iterator[None]:
    """Move the files among those of the catalog; take them away again if the rest fails.

    One that is there is kept if it is whole: a file of the catalog never changes, but it may rot.
    """
    moved: list[Path] = []
    replaced: list[tuple[Path, Path]] = []
    try:
        for file in folder.iterdir():
            there = settings.FERRY_ARCHIVES_DIR / file.name
            if there.exists():
                if _is(there, manifest.members[f"{names.ARCHIVES}{file.name}"]):
                    continue
                replaced.append((there.rename(folder / f"{file.name}.replaced"), there))
            moved.append(file.rename(there))
        yield
    except BaseException:
        for there in moved:
            there.unlink()
        for aside, there in replaced:
            aside.rename(there)
        raise


def _is(path: Path, member: Member) -> bool:
    if path.stat().st_size != member.size_bytes:
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == member.sha256


def _replace_rows(manifest: Manifest, folder: Path, key: str) -> Restored:
    with exchanged_secret_key(key) as put_in_place:
        try:
            with transaction.atomic():
                wait_for_ever(connection)
                for model in emptied_tables():
                    # Row by row it would ask what else goes; everything does.
                    rows = model._base_manager.all()
                    rows._raw_delete(rows.db)
                for model in tables():
                    _load(model, manifest, folder)
                connection.check_constraints()
                kept = {path.name for path in settings.FERRY_ARCHIVES_DIR.iterdir()}
                aged = age_rows(kept)
                set_sequences(connection.alias)
                listed = set(Archive.objects.values_list("key", flat=True))
                files = {path.name for path in settings.FERRY_ARCHIVES_DIR.glob("?" * 32)}
                audit(None, "site.restore", "the site", made_at=manifest.made_at)
                put_in_place()
        except IntegrityError as error:
            raise BackupUnreadable("Its rows do not fit together.") from error
        except DatabaseError as error:
            raise BackupError(
                "The database has not taken the rows. Nothing was changed.",
                cause=str(error).strip(),
                remedy="See to the database, then restore the back-up again.",
            ) from error
    ContentType.objects.clear_cache()
    return Restored(manifest=manifest, unlisted=len(files - listed), **aged)


def _load(model: type[Model], manifest: Manifest, folder: Path) -> None:
    label = model._meta.label_lower
    if manifest.columns.get(label) != columns(model):
        raise BackupUnreadable(f"Its rows of {label} have other columns.")
    try:
        with (folder / names.ROWS / label).open("rb") as file:
            count = save_rows(model, read_rows(model, file), connection.alias)
    except (ValueError, OSError) as error:
        raise BackupUnreadable(f"Its rows of {label} cannot be read.") from error
    if count != manifest.rows[label]:
        raise BackupUnreadable(f"It has {count} rows of {label}, not {manifest.rows[label]}.")
