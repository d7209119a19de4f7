"""Ping open pages: a message carries an id, and whoever hears it reads the rows again.

The workers of a site in many processes are woken in the same way.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.conf import settings

logger = logging.getLogger(__name__)
FLEET_GROUP = "fleet"
# Every worker listens: nodes/operations/wake_calls.py.
WORKERS_GROUP = "workers"
_calls: set[asyncio.Task[None]] = set()


def operation_group(operation_id: int) -> str:
    return f"operation-{operation_id}"


async def ping_node(node_id: int) -> None:
    await _send(FLEET_GROUP, {"type": "fleet.changed", "node": node_id})


async def ping_look(node_id: int) -> None:
    """Tell the pages that say when a node was last looked at: all else is as it was."""
    await _send(FLEET_GROUP, {"type": "fleet.looked", "node": node_id})


async def ping_operation(operation_id: int) -> None:
    """Tell the operation's own page."""
    await _send(operation_group(operation_id), {"type": "operation.changed"})


async def ping_operations() -> None:
    """Tell every page that an operation has begun, gone on to another phase, or ended."""
    await _send(FLEET_GROUP, {"type": "fleet.changed"})


async def ping_archives() -> None:
    """Tell the pages that show archives that one has come, gone or changed."""
    await _send(FLEET_GROUP, {"type": "archives.changed"})


def call_workers(whom: str, node_id: int | None = None) -> None:
    """Wake what another process runs: "fleet", "scheduler" or "batches"; from any thread.

    Nothing is lost when the call is: each looks at the rows every few seconds.
    """
    if settings.FERRY_ENGINE == "embedded":
        return
    call = _send(WORKERS_GROUP, {"type": "wake", "whom": whom, "node": node_id})
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        async_to_sync(_awaited)(call)
        return
    task = loop.create_task(call)
    _calls.add(task)
    task.add_done_callback(_calls.discard)


async def _awaited(call: Coroutine[Any, Any, None]) -> None:
    await call


async def _send(group: str, message: dict[str, object]) -> None:
    layer = get_channel_layer()
    if layer is None:
        return
    try:
        await layer.group_send(group, message)
    except Exception:
        # A page that hears nothing is a nuisance; a rollback that stops for it would be a loss.
        logger.exception("could not ping %s", group)
