"""Write rows of an operation although the database is away for a moment, say while it restarts."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from asgiref.sync import sync_to_async
from django.db import InterfaceError, OperationalError, close_old_connections

from nodes.operations.report import GivenAway

logger = logging.getLogger(__name__)
Result = TypeVar("Result")
# Longer than a worker keeps what it cannot say is its own (worker.GIVE_UP_AFTER_S): it gives that
# away first. A site that is alone has nobody to give it to, and a full disk does not go away.
PATIENCE_S = 20.0
_AGAIN_AFTER_S = 0.5
_AWAY = (OperationalError, InterfaceError)


class PatientWrites:
    """Of one operation; ``is_given_away`` tells that another process may have it by now."""

    def __init__(self, is_given_away: Callable[[], bool]) -> None:
        self._is_given_away = is_given_away
        self._away_since: float | None = None

    async def write(self, work: Callable[[], Awaitable[Result]]) -> Result:
        """Return the result of ``work``, which is done again while the database is away.

        Raises GivenAway once it may be another process's, and the database's error when it has
        been away for longer than PATIENCE_S.
        """
        while True:
            if self._is_given_away():
                raise GivenAway
            try:
                done = await work()
            except _AWAY as error:
                now = time.monotonic()
                self._away_since = self._away_since or now
                if now - self._away_since > PATIENCE_S:
                    raise
                logger.warning("the database is away: %s", error)
                await asyncio.sleep(_AGAIN_AFTER_S)
                await sync_to_async(close_old_connections)()
            else:
                self._away_since = None
                return done

    async def try_to(self, work: Callable[[], Awaitable[object]]) -> None:
        """Do what nothing depends on: once, and no matter when the database is away."""
        try:
            await work()
        except _AWAY as error:
            logger.warning("the database is away: %s", error)
            await sync_to_async(close_old_connections)()
