"""Exchange the site's secret key together with its rows, although a file is in no transaction."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

from nodes.inventory.site_key import SiteKeyUnreadable, load_site_key
from nodes.models import SiteKey


def _former() -> Path:
    path: Path = settings.FERRY_SECRET_KEY_FILE
    return path.with_name(f"{path.name}.former")


@contextmanager
def exchanged_secret_key(key: str) -> Iterator[Callable[[], None]]:
    """Yield what puts the key in place, to be called before the rows are committed in the block.

    The former key comes back if the block fails. If it is killed, both are there, and
    settle_secret_key finds out which one the rows are encrypted with.
    """
    path: Path = settings.FERRY_SECRET_KEY_FILE

    def put_in_place() -> None:
        # Where it is given it is the same: the restore has looked.
        if settings.FERRY_GIVEN_SECRET_KEY:
            return
        if path.exists():
            _write_secret(_former(), path.read_text())
        _write_secret(path, key)

    try:
        yield put_in_place
    except BaseException:
        if _former().exists():
            _former().replace(path)
        raise
    _former().unlink(missing_ok=True)


def settle_secret_key() -> None:
    """Take the former key again where a killed restore has changed the key and not the rows."""
    former = _former()
    if not former.exists() or not SiteKey.objects.exists():
        return
    try:
        load_site_key()
    except SiteKeyUnreadable:
        settings.SECRET_KEY = former.read_text()
        load_site_key()
        former.replace(settings.FERRY_SECRET_KEY_FILE)
    else:
        former.unlink()


def _write_secret(path: Path, secret: str) -> None:
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secret)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on the disk itself."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
