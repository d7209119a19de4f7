"""Share connections among the streams of a node: a page more is no connection more."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from asgiref.sync import sync_to_async

from nodes.inventory.connect import address_of
from nodes.inventory.site_key import load_site_key
from nodes.models import Node
from nodes.ssh.connection import NodeAddress
from nodes.ssh.session import MOST_COMMANDS_AT_ONCE, NodeSession


@dataclass
class _Shared:
    session: NodeSession
    streams: int = 0


_shared: dict[NodeAddress, list[_Shared]] = {}


@asynccontextmanager
async def borrow_session(node: Node) -> AsyncIterator[NodeSession]:
    """Give a session that has room for one long command; the last one to go closes it."""
    address = address_of(node)
    pair = await sync_to_async(load_site_key)()
    sessions = _shared.setdefault(address, [])
    found = next((each for each in sessions if each.streams < MOST_COMMANDS_AT_ONCE), None)
    if found is None:
        found = _Shared(NodeSession(address, pair.private_key))
        sessions.append(found)
    found.streams += 1
    try:
        yield found.session
    finally:
        found.streams -= 1
        if found.streams == 0:
            sessions.remove(found)
            found.session.close()
        if not sessions:
            _shared.pop(address, None)
