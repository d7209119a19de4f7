"""See to it that an embedded engine is the only one on its database, as it takes itself to be.

On PostgreSQL a session of its own holds an advisory lock: the embedded engine alone, workers of
the other engine together. It goes with the process, and when PostgreSQL ends the session.
"""

from __future__ import annotations

from django.conf import settings
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

# Any number, the same in every process; those of first_start.py and site_lock.py are others.
_LOCK = 0x_FE44_1002


class AnotherEngine(Exception):
    """Another process runs operations on the same database; its text says what to do."""

    def __init__(self) -> None:
        if settings.FERRY_ENGINE == "embedded":
            told = (
                "Another process of Ferry runs operations on the database of DATABASE_URL. Stop it "
                "first, or set FERRY_ENGINE=procrastinate for all of them (docs/scale.md)."
            )
        else:
            told = (
                "A process without FERRY_ENGINE=procrastinate runs operations on the database of "
                "DATABASE_URL. Stop it, and set FERRY_ENGINE=procrastinate for it, too."
            )
        super().__init__(told)


class EngineLock:
    def __init__(self) -> None:
        self._session: BaseDatabaseWrapper | None = None

    def hold(self) -> None:
        """Take the lock, or make sure that it is still held; may be called from any thread.

        Raises AnotherEngine, and what the database raises: the next call tries again then.
        """
        if connection.vendor != "postgresql":
            # The lock of the data folder, where SQLite's file is, does as much.
            return
        if self._session is not None:
            self._ask(self._session)
        else:
            self._take()

    def let_go(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def _ask(self, session: BaseDatabaseWrapper) -> None:
        try:
            with session.cursor() as cursor:
                cursor.execute("SELECT 1")
        except Exception:
            self.let_go()
            raise

    def _take(self) -> None:
        session = connection.copy()
        session.inc_thread_sharing()
        function = "pg_try_advisory_lock"
        if settings.FERRY_ENGINE != "embedded":
            function = "pg_try_advisory_lock_shared"
        try:
            with session.cursor() as cursor:
                cursor.execute(f"SELECT {function}(%s)", [_LOCK])
                (taken,) = cursor.fetchone()
            if not taken:
                raise AnotherEngine
        except Exception:
            session.close()
            raise
        self._session = session


engine_lock = EngineLock()
