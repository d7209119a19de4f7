"""Get to know a node: its host key, the site's key on it, and the first look."""

from __future__ import annotations

from asgiref.sync import sync_to_async

from nodes.inventory.connect import address_of, open_session
from nodes.inventory.observation import (
    save_containers,
    save_online,
    save_problem,
    save_readiness,
)
from nodes.inventory.readiness import probe_host, require_podman
from nodes.inventory.site_key import load_site_key
from nodes.models import Node, NodeState
from nodes.podman.argv import ps_argv
from nodes.podman.containers import parse_containers
from nodes.problem import FerryError
from nodes.ssh.authorise import authorise_with_password
from nodes.ssh.errors import CommandTimedOut, NodeUnreachable


async def authorise(node: Node, password: str) -> None:
    """Put the site's public key on the host; the password is used once and kept nowhere.

    Raises AuthenticationRefused, HostKeyChanged, NodeUnreachable or CommandFailed.
    """
    pair = await sync_to_async(load_site_key)()
    await authorise_with_password(address_of(node), pair.public_key, password)


async def look_at(node: Node) -> None:
    """Ask a saved node for its facts and containers now; what fails becomes its state."""
    try:
        async with open_session(node) as session:
            facts = await probe_host(session)
            await sync_to_async(save_readiness)(node.pk, facts)
            require_podman(node.name, facts)
            listed = parse_containers((await session.run(ps_argv())).stdout)
    except FerryError as error:
        away = isinstance(error, (NodeUnreachable, CommandTimedOut))
        state = NodeState.UNREACHABLE if away else NodeState.BLOCKED
        await sync_to_async(save_problem)(node.pk, state, error.problem)
    else:
        # Its containers first: a node that is online is one whose containers are known.
        await sync_to_async(save_containers)(node.pk, listed)
        await sync_to_async(save_online)(node.pk)
    await node.arefresh_from_db()
