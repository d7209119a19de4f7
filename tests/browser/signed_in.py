"""A served site that knows the lab's hosts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.lab import Host
from tests.serving import ServedSite


@dataclass(frozen=True)
class SignedInSite:
    served: ServedSite
    node_ids: dict[str, int]

    @classmethod
    def with_nodes(cls, served: ServedSite, hosts: Sequence[Host]) -> SignedInSite:
        """Add the hosts as nodes through the API."""
        site = cls(served, {})
        for host in hosts:
            site.add(host)
        return site

    def add(self, host: Host) -> None:
        with self.served.api() as api:
            host.authorize(api.get("/site-key").json()["public_key"])
            node = {
                "name": host.name,
                "host": host.address,
                "port": host.port,
                "host_key": host.host_key,
            }
            added = api.post("/nodes", json=node).raise_for_status().json()
        self.node_ids[host.name] = added["id"]
