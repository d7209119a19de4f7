"""What a lab's hosts are doing, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from tests.lab.host import Host
from tests.lab.lab import Lab

HEADINGS = ("NAME", "ADDRESS", "STATE", "PODMAN", "CONTAINERS")


@dataclass(frozen=True)
class HostStatus:
    """One host, seen from outside and, if it can be asked, from inside."""

    name: str
    address: str
    port: int
    host_key: str
    state: str
    podman: str
    containers: list[str]

    def row(self) -> tuple[str, ...]:
        """Return what a table shows."""
        running = " ".join(self.containers) or "-"
        return (self.name, self.address, self.state, self.podman or "-", running)


def status_of(host: Host) -> HostStatus:
    """Ask one host what it is and runs."""
    state = _state_of(host)
    podman, containers = "", []
    if state == "running":
        shown = host.run(["podman", "--version"], check=False).stdout.split()
        podman = shown[-1] if shown else ""
        listing = ["podman", "ps", "--all", "--format", "{{.Names}}({{.State}})"]
        containers = host.run(listing, check=False).stdout.split()
    known = state != "wiped"
    key = host.host_key if known else ""
    return HostStatus(host.name, host.address, host.port, key, state, podman, containers)


def table_of(lab: Lab) -> str:
    """Return the status as a table."""
    rows = [HEADINGS, *(status_of(host).row() for host in lab.hosts.values())]
    if len(rows) == 1:
        return f"lab {lab.instance}: no hosts"
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(_aligned(row, widths) for row in rows)


def json_of(lab: Lab) -> str:
    """Return the status as JSON."""
    hosts = [asdict(status_of(host)) for host in lab.hosts.values()]
    return json.dumps({"instance": lab.instance, "hosts": hosts}, indent=2)


def _state_of(host: Host) -> str:
    if not host.is_running:
        return "stopped" if (host.folder / "upper").exists() else "wiped"
    if host.is_frozen:
        return "frozen"
    return "running" if host.link.is_up else "cut off"


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
