"""Read `podman network inspect`, and which addresses of a container are its own on a network."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

from nodes.podman.answer import list_of, parse_json, reading, text_of

MACVLAN = "macvlan"
# It becomes part of a rule. 15 is IFNAMSIZ, less its NUL.
_INTERFACE = re.compile(r"[A-Za-z0-9_.:@-]{1,15}")


@dataclass(frozen=True, kw_only=True)
class Network:
    """``interface`` is the one of the host that a macvlan network hangs on, "" if unnamed."""

    name: str
    driver: str
    interface: str
    subnets: tuple[IPv4Network | IPv6Network, ...]

    def holds(self, address: str) -> bool:
        return any(ip_address(address) in subnet for subnet in self.subnets)


@dataclass(frozen=True, kw_only=True)
class NodeNetworks:
    """What a node says of the networks of a container: of those that it has.

    ``refusal`` is what it says to the rules that would hold packets back there, "" if it takes them
    or nobody asked.
    """

    networks: Mapping[str, Network] = field(default_factory=dict)
    default_interface: str = ""
    refusal: str = ""

    def interface_of(self, network: str) -> str:
        """Return the host's interface that a macvlan network hangs on, "" if it is not known."""
        found = self.networks.get(network)
        if found is None or found.driver != MACVLAN:
            return ""
        interface = found.interface or self.default_interface
        return interface if _INTERFACE.fullmatch(interface) else ""


@dataclass(frozen=True, kw_only=True)
class Attachment:
    """How a running container is attached to one network."""

    network: str
    addresses: tuple[str, ...]
    mac: str


def network_inspect_argv(names: Sequence[str]) -> list[str]:
    """Print those of the networks that there are; Podman exits with 125 when one is missing."""
    return ["podman", "network", "inspect", "--", *names]


@reading("podman network inspect")
def parse_networks(text: str) -> dict[str, Network]:
    """Return the networks by name. Raises UnreadableAnswer."""
    rows: Iterable[Mapping[str, Any]] = list_of(parse_json(text, "podman network inspect"))
    return {network.name: network for network in map(_network, rows)}


def _network(row: Mapping[str, Any]) -> Network:
    return Network(
        name=text_of(row["name"]),
        driver=text_of(row.get("driver")),
        interface=text_of(row.get("network_interface")),
        subnets=tuple(ip_network(part["subnet"]) for part in list_of(row.get("subnets"))),
    )


@reading("podman container inspect")
def attachments(inspected: Mapping[str, Any]) -> list[Attachment]:
    """Return the networks of a running container, as `podman container inspect` tells them.

    Raises UnreadableAnswer.
    """
    networks = (inspected.get("NetworkSettings") or {}).get("Networks") or {}
    return [_attachment(name, row) for name, row in sorted(networks.items())]


def _attachment(name: str, row: Mapping[str, Any]) -> Attachment:
    addresses = (row.get("IPAddress"), row.get("GlobalIPv6Address"))
    return Attachment(
        network=text_of(name),
        # Only what is an address becomes part of a rule.
        addresses=tuple(str(ip_address(address)) for address in addresses if address),
        mac=text_of(row.get("MacAddress")),
    )


def default_interface_argv() -> list[str]:
    return ["cat", "/proc/net/route"]


def parse_default_interface(text: str) -> str:
    """Return the interface of the IPv4 default route, on which Podman hangs an unnamed macvlan."""
    rows = (line.split() for line in text.splitlines())
    found = [row[0] for row in rows if len(row) > 1 and row[1] == "00000000"]
    return found[0] if found else ""
