"""The bridge of an instance and the subnet that nothing else here uses."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.lab.command import run_command
from tests.lab.errors import LabError
from tests.lab.places import cache_folder, instances_folder, locked, read_json, write_json

Subnet = ipaddress.IPv4Network
CANDIDATES = [Subnet(f"10.123.{third}.0/24") for third in range(45, 100)]
# .1 is the bridge and .11 upwards are hosts; .128 and above stay free for containers
# that have an address of their own (macvlan).
FIRST_HOST = 10
MAX_HOSTS = 99


class Network:
    """A bridge with a subnet, both named by the instance."""

    def __init__(self, instance: str) -> None:
        self.instance = instance
        self.bridge = f"ferry{instance}"
        self._state = instances_folder() / instance / "network.json"

    @property
    def subnet(self) -> Subnet:
        """Return the recorded subnet; LabError before the first `up`."""
        recorded = read_json(self._state)
        if recorded is None:
            raise LabError(f"lab instance {self.instance!r} was never up")
        return Subnet(recorded["subnet"])

    def address_of(self, index: int) -> str:
        """Return the address of the host with this index, from 1 on."""
        return str(self.subnet[FIRST_HOST + index])

    def veth_of(self, index: int) -> str:
        """Return the name of the machine's end of a host's link."""
        return f"{self.bridge}{index}"

    def up(self) -> None:
        """Make the bridge if it is not there, on a subnet of its own."""
        with locked(cache_folder() / "network.lock"):
            subnet = self._choose_subnet()
            write_json(self._state, {"subnet": str(subnet), "bridge": self.bridge})
            if not link_exists(self.bridge):
                run_command(["ip", "link", "add", self.bridge, "type", "bridge"])
            own = f"{subnet[1]}/{subnet.prefixlen}"
            run_command(["ip", "addr", "replace", own, "dev", self.bridge])
            run_command(["ip", "link", "set", self.bridge, "up"])

    def down(self) -> None:
        """Remove the bridge and what is left of the links to it."""
        names = [interface["ifname"] for interface in _ip_json("link")]
        ours = [n for n in names if n.startswith(self.bridge) and n[len(self.bridge) :].isdigit()]
        for name in [*ours, self.bridge]:
            if link_exists(name):
                run_command(["ip", "link", "delete", name], check=False)

    def _choose_subnet(self) -> Subnet:
        taken = [*_subnets_in_use(except_for=self.bridge), *_subnets_of_others(self.instance)]
        recorded = read_json(self._state)
        preferred = [Subnet(recorded["subnet"])] if recorded else []
        for candidate in [*preferred, *CANDIDATES]:
            if not any(candidate.overlaps(subnet) for subnet in taken):
                return candidate
        raise LabError(f"no subnet is free among {CANDIDATES[0]} to {CANDIDATES[-1]}")


def link_exists(name: str) -> bool:
    """Whether this machine has an interface of that name."""
    return Path("/sys/class/net", name).exists()


def _subnets_in_use(*, except_for: str) -> Iterator[Subnet]:
    for interface in _ip_json("addr"):
        if interface.get("ifname") != except_for:
            for address in interface.get("addr_info", []):
                if address.get("family") == "inet":
                    yield Subnet(f"{address['local']}/{address['prefixlen']}", strict=False)
    for route in _ip_json("route", "show", "table", "all"):
        if route.get("dst", "default") != "default" and route.get("dev") != except_for:
            yield Subnet(route["dst"], strict=False)


def _subnets_of_others(instance: str) -> Iterator[Subnet]:
    for state in instances_folder().glob("*/network.json"):
        recorded = read_json(state)
        if recorded is not None and state.parent.name != instance:
            yield Subnet(recorded["subnet"])


def _ip_json(*arguments: str) -> list[dict[str, Any]]:
    output = run_command(["ip", "-4", "-j", *arguments]).stdout
    listed: list[dict[str, Any]] = json.loads(output or "[]")
    return [entry for entry in listed if entry]
