"""What the contents of an archive say about how it can be restored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nodes.catalog.contents import PublishedPort
from nodes.models import Archive


@dataclass(frozen=True, kw_only=True)
class RestoreNeeds:
    """Without ``is_read`` the rest is not known; ``ports`` are spelled as --publish takes them."""

    is_read: bool = False
    ports: Sequence[str] = ()
    was_in_pod: bool = False
    open_connections: int = 0

    @property
    def was_in_no_pod(self) -> bool:
        return self.is_read and not self.was_in_pod


def needs_of_archive(archive: Archive) -> RestoreNeeds:
    rows = archive.sections.filter(name__in=["networks", "config", "sockets"])
    found = {row.name: row.data for row in rows}
    if len(found) < 3:
        return RestoreNeeds()
    return RestoreNeeds(
        is_read=True,
        ports=[spell_port(port) for port in found["networks"]["ports"]],
        was_in_pod=bool(found["config"].get("pod")),
        open_connections=sum(
            socket["state"] == "established" and socket["family"] in ("inet", "inet6")
            for socket in found["sockets"]
        ),
    )


def spell_port(port: PublishedPort) -> str:
    """Return [IP:]HOST:CONTAINER[/PROTOCOL], ranges as FIRST-LAST."""
    more = max(port["range"], 1) - 1
    host, inside = str(port["host_port"]), str(port["container_port"])
    if more:
        host, inside = (f"{first}-{int(first) + more}" for first in (host, inside))
    ip = port["host_ip"]
    address = f"[{ip}]:" if ":" in ip else f"{ip}:" if ip else ""
    protocol = "" if port["protocol"] in ("", "tcp") else f"/{port['protocol']}"
    return f"{address}{host}:{inside}{protocol}"
