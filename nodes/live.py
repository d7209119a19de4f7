"""Ping open pages: a message carries an id, and whoever hears it reads the rows again."""

from __future__ import annotations

import logging

from channels.layers import get_channel_layer

logger = logging.getLogger(__name__)
FLEET_GROUP = "fleet"


def operation_group(operation_id: int) -> str:
    return f"operation-{operation_id}"


async def ping_node(node_id: int) -> None:
    await _send(FLEET_GROUP, {"type": "fleet.changed", "node": node_id})


async def ping_operation(operation_id: int) -> None:
    """Tell the operation's own page."""
    await _send(operation_group(operation_id), {"type": "operation.changed"})


async def ping_operations() -> None:
    """Tell every page that an operation has begun, gone on to another phase, or ended."""
    await _send(FLEET_GROUP, {"type": "fleet.changed"})


async def _send(group: str, message: dict[str, object]) -> None:
    layer = get_channel_layer()
    if layer is None:
        return
    try:
        await layer.group_send(group, message)
    except Exception:
        # A page that hears nothing is a nuisance; a rollback that stops for it would be a loss.
        logger.exception("could not ping %s", group)
