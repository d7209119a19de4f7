"""See that nobody uses the site while it is replaced."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import DatabaseError, connection

from nodes.backup.errors import BackupError
from nodes.data_lock import lock_data_folder
from nodes.site_lock import release_whole_site, take_whole_site


class SiteInUse(BackupError):
    code = "site_in_use"

    def __init__(self, cause: str) -> None:
        super().__init__(
            "The site is in use. Nothing was changed.",
            cause=cause,
            remedy="Stop every process of the site, then restore the back-up.",
        )


@contextmanager
def nobody_else() -> Iterator[None]:
    """Keep the site from being started meanwhile. Raises SiteInUse."""
    lock = lock_data_folder()
    if lock is None:
        raise SiteInUse(f"A process serves from {settings.FERRY_DATA_DIR}.")
    with lock:
        if connection.vendor != "postgresql":
            yield
            return
        if not take_whole_site():
            raise SiteInUse("Processes that serve, or workers, run on its database.")
        try:
            _require_alone()
            yield
        finally:
            _let_go()


def _let_go() -> None:
    try:
        release_whole_site()
    except DatabaseError:
        # The connection is gone, and the lock with it.
        connection.close()


def _require_alone() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
        (others,) = cursor.fetchone()
    if others:
        raise SiteInUse(f"There are {others} other connections to its database.")
