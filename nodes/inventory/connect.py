"""From a node's row to a session with that node."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from asgiref.sync import sync_to_async

from nodes.inventory.site_key import load_site_key
from nodes.models import Node
from nodes.ssh.connection import NodeAddress
from nodes.ssh.session import NodeSession


def address_of(node: Node) -> NodeAddress:
    return NodeAddress(
        name=node.name,
        host=node.host,
        port=node.port,
        user=node.user,
        sudo=node.sudo,
        host_key=node.host_key,
    )


@asynccontextmanager
async def open_session(node: Node) -> AsyncIterator[NodeSession]:
    """Give a session of its own, closed at the end; it connects at its first command."""
    pair = await sync_to_async(load_site_key)()
    session = NodeSession(address_of(node), pair.private_key)
    try:
        yield session
    finally:
        session.close()
