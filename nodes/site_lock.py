"""Have each process of a site on PostgreSQL be known as such, even with its connections cut."""

from __future__ import annotations

import logging
import os
import select
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DatabaseError, connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from nodes.problem import FerryError

logger = logging.getLogger(__name__)
# Any number, the same in every process of the site; nodes/first_start.py has another.
_SITE_LOCK = 0x_FE44_1001
_ALIAS = "site_lock"
_LOOK_EVERY_S = 5.0
_AGAIN_AFTER_S = 0.5


class BeingRestored(FerryError):
    code = "being_restored"

    def __init__(self) -> None:
        super().__init__(
            "A back-up is being restored into the site's database.",
            remedy="Start this process again when it is done.",
        )


@contextmanager
def one_of_the_site() -> Iterator[None]:
    """Hold what keeps a restore from beginning; take it again when the connection was cut.

    Raises BeingRestored. If a restore has begun while it was cut, the process ends by SIGTERM.
    """
    if connection.vendor != "postgresql":
        # One process serves, and holds a lock on its folder.
        yield
        return
    # Of its own, for no request or operation may close it.
    own = connection.copy(_ALIAS)
    if not _take_shared(own):
        own.close()
        raise BeingRestored
    wake, waker = os.pipe()
    keeper = threading.Thread(target=_keep, args=(own, wake), name=_ALIAS, daemon=True)
    keeper.start()
    try:
        yield
    finally:
        os.close(waker)
        keeper.join()
        os.close(wake)


def take_whole_site() -> bool:
    """Return whether no process of the site runs; none starts as long as this connection lives."""
    return _asked(connections["default"], "SELECT pg_try_advisory_lock(%s)")


def release_whole_site() -> None:
    _asked(connections["default"], "SELECT pg_advisory_unlock(%s)")


def _keep(own: BaseDatabaseWrapper, wake: int) -> None:
    own.inc_thread_sharing()
    try:
        while not _cut_or_ended(own, wake):
            try:
                own.close()
                taken = _take_shared(own)
            except DatabaseError:
                # It is away: who needs it says so.
                if select.select([wake], [], [], _AGAIN_AFTER_S)[0]:
                    return
                continue
            if not taken:
                logger.error("A back-up is being restored: this process ends.")
                os.kill(os.getpid(), signal.SIGTERM)
                return
    finally:
        own.close()
        own.dec_thread_sharing()


def _cut_or_ended(own: BaseDatabaseWrapper, wake: int) -> bool:
    """Wait until the connection is cut, and return False; return True once it is not needed."""
    while own.connection is not None:
        readable, _, _ = select.select([wake, own.connection.fileno()], [], [], _LOOK_EVERY_S)
        if wake in readable:
            return True
        try:
            _asked(own, "SELECT %s IS NOT NULL")
        except DatabaseError:
            return False
    return False


def _take_shared(own: BaseDatabaseWrapper) -> bool:
    return _asked(own, "SELECT pg_try_advisory_lock_shared(%s)")


def _asked(asked: BaseDatabaseWrapper, query: str) -> bool:
    with asked.cursor() as cursor:
        cursor.execute(query, [_SITE_LOCK])
        return bool(cursor.fetchone()[0])
