"""Which addresses go with a container when it moves, and what keeps its open connections.

A connection outlives the move if its address does: a macvlan network gives a container an address
of its own on the network outside, and the same network on the destination takes it over. An
address behind a bridge is only known on its host; what clients talk to there is the host's address,
which stays where it is (docs/open-connections.md).
"""

from __future__ import annotations

import asyncio

from nodes.operations.migration_plan import MigrationPlan, Surroundings
from nodes.podman.announce import announcements
from nodes.podman.containers import ContainerDetail
from nodes.podman.hold_address import Hold, check_argv
from nodes.podman.networks import (
    MACVLAN,
    Attachment,
    NodeNetworks,
    attachments,
    default_interface_argv,
    network_inspect_argv,
    parse_default_interface,
    parse_networks,
)
from nodes.ssh.session import NodeSession

# A restore may take so long before packets are let through although nobody has seen its end. It
# reads at 100 MB/s and more (field note 20), so this is far beyond what one needs.
_LEAST_LIMIT_S = 60
_BYTES_A_SECOND = 16 * 1024 * 1024


async def look_at_networks(session: NodeSession, container: ContainerDetail) -> NodeNetworks:
    """Ask a node about the networks that the container is attached to on the source."""
    attached = attachments(container.raw)
    if not attached:
        return NodeNetworks()
    names = [one.network for one in attached]
    inspected, routes = await asyncio.gather(
        session.run(network_inspect_argv(names), check=False),
        session.run(default_interface_argv(), check=False),
    )
    found = NodeNetworks(
        networks=parse_networks(inspected.stdout) if inspected.stdout.strip() else {},
        default_interface=parse_default_interface(routes.stdout),
    )
    return NodeNetworks(
        networks=found.networks,
        default_interface=found.default_interface,
        refusal=await _refusal(session, found, attached),
    )


async def _refusal(session: NodeSession, found: NodeNetworks, attached: list[Attachment]) -> str:
    hold = _hold(found, attached, _LEAST_LIMIT_S)
    if hold is None:
        return ""
    done = await session.run(check_argv(hold), check=False)
    if done.exit_status == 0:
        return ""
    return done.stderr.strip() or f"nft -c ended with status {done.exit_status}"


def _hold(found: NodeNetworks, attached: list[Attachment], limit_s: int) -> Hold | None:
    addresses: dict[str, list[str]] = {}
    for one in attached:
        interface = found.interface_of(one.network)
        if interface and one.addresses:
            addresses.setdefault(interface, []).extend(one.addresses)
    frames = [frame.hex() for frame in announcements(attached)]
    return Hold(addresses=addresses, limit_s=limit_s, frames=frames) if addresses else None


def moving(near: Surroundings) -> list[Attachment]:
    """Return how the container is attached where its addresses can go with it."""
    here, there = near.source.networks, near.destination.own_networks
    return [
        one
        for one in attachments(near.source.container.raw)
        if one.addresses
        and here.interface_of(one.network)
        and there.interface_of(one.network)
        and all(map(there.networks[one.network].holds, one.addresses))
    ]


def staying(near: Surroundings) -> list[str]:
    """Return the networks whose addresses mean nothing on the destination."""
    move = {one.network for one in moving(near)}
    return [name for name in near.source.container.networks if name not in move]


def why_lost(near: Surroundings, plan: MigrationPlan) -> str:
    """Return in a sentence why open connections to other hosts would not survive, "" if they do."""
    options, there = plan.options, near.destination.own_networks
    if options.ignore_static_ip or options.ignore_static_mac:
        return "It is to take a new address on the destination, to which they do not lead."
    if not moving(near):
        return _why_address_stays(near)
    if there.refusal:
        return (
            "The destination cannot hold back what their clients send while the container is "
            f"restored, and so they are reset: {_in_a_line(there.refusal)}"
        )
    return ""


def _why_address_stays(near: Surroundings) -> str:
    container, here = near.source.container, near.source.networks
    if not container.networks:
        return "The container has no network of its own, and the host's address does not move."
    macvlans = [name for name in container.networks if _driver(here, name) == MACVLAN]
    if not macvlans:
        return (
            f"They lead to an address of {near.source.host.info.hostname or 'the source'} itself, "
            "from where its ports are published, and that address does not move."
        )
    there = near.destination.own_networks
    if _driver(there, macvlans[0]) != MACVLAN:
        return f"The destination has no macvlan network {macvlans[0]}."
    return f"The network {macvlans[0]} has other subnets on the destination."


def _driver(found: NodeNetworks, name: str) -> str:
    network = found.networks.get(name)
    return network.driver if network else ""


def _in_a_line(text: str) -> str:
    return " ".join(text.split())[:200]


def plan_holds(near: Surroundings, plan: MigrationPlan) -> dict[str, Hold]:
    """Return what is to be held back around a restore, by "source" and "destination".

    Not for open connections alone: whoever has the address in a table learns its new place, and
    CRIU can bind to an IPv6 address that its network still checks.
    """
    attached = [] if plan.options.ignore_static_ip else moving(near)
    limit_s = _LEAST_LIMIT_S + near.source.estimated_archive_bytes // _BYTES_A_SECOND
    nodes = {"source": near.source.networks, "destination": near.destination.own_networks}
    holds = {name: _hold(found, attached, limit_s) for name, found in nodes.items()}
    return {name: hold for name, hold in holds.items() if hold}
