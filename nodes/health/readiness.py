"""Tell whether the site can do its work now, and what keeps it from it."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
from collections.abc import Callable
from typing import Any

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.conf import settings
from django.db import connection
from django.db.models.functions import Now

from nodes.archives.room import reserve_bytes
from nodes.inventory.fleet import fleet
from nodes.models import Lease, Worker
from nodes.operations.worker import STALE_AFTER_S, alive

logger = logging.getLogger(__name__)
CHANNEL_TIMEOUT_S = 2.0


class NotReady(Exception):
    """What is wrong, in a sentence that anybody may read: no paths, no addresses, no secrets."""


def problems() -> dict[str, str]:
    """Return what is wrong, by part of the site; nothing when it is ready."""
    parts: dict[str, Callable[[], None]] = {
        "database": _check_database,
        "channel layer": _check_channel_layer,
        "catalog": _check_catalog,
    }
    found = _failing(parts)
    if "database" in found:
        return found
    return found | _failing({"workers": _check_workers, "fleet": _check_fleet})


def workers_alive() -> int:
    """Return how many processes have lately said that they run operations."""
    return Worker.objects.filter(alive()).count()


def _failing(parts: dict[str, Callable[[], None]]) -> dict[str, str]:
    found = {}
    for name, check in parts.items():
        try:
            check()
        except NotReady as error:
            found[name] = str(error)
        except Exception as error:
            # Its text may hold addresses and more: that is for the log alone.
            logger.warning("not ready: %s", name, exc_info=True)
            found[name] = f"It does not work ({type(error).__name__}); the site's log says more."
    return found


def _check_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _check_channel_layer() -> None:
    async_to_sync(_send_to_oneself)()


async def _send_to_oneself() -> None:
    layer: Any = get_channel_layer()
    async with asyncio.timeout(CHANNEL_TIMEOUT_S):
        channel = await layer.new_channel("ready")
        await layer.send(channel, {"type": "ready"})
        await layer.receive(channel)


def _check_catalog() -> None:
    folder = settings.FERRY_ARCHIVES_DIR
    if not os.access(folder, os.W_OK | os.X_OK):
        raise NotReady("The catalog's folder is not there, or cannot be written.")
    if shutil.disk_usage(folder).free < reserve_bytes(folder):
        raise NotReady("The catalog's disk is full: delete archives, or give it room.")


def _check_workers() -> None:
    if not workers_alive():
        raise NotReady(f"No worker has said for {STALE_AFTER_S:.0f} s that it runs operations.")


def _check_fleet() -> None:
    if settings.FERRY_ENGINE == "embedded":
        is_watched = fleet.is_watching
    else:
        is_watched = Lease.objects.filter(name="fleet", expires_at__gt=Now()).exists()
    if not is_watched:
        raise NotReady("No process watches the nodes.")
