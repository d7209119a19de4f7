"""What is to be moved, and all that both nodes said about it before anything changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from nodes.host.facts import HostFacts
from nodes.operations.staging import Staged
from nodes.podman.containers import ContainerDetail, ListedContainer
from nodes.podman.networks import NodeNetworks
from nodes.podman.options import MigrationOptions, RestoreOptions
from nodes.podman.processes import Process


@dataclass(frozen=True, kw_only=True)
class MigrationPlan(Staged):
    container_id: str
    options: MigrationOptions
    # How long the restored container is watched before the commit.
    watch_window_s: float = 2.0

    @property
    def leaves_running(self) -> bool:
        return False

    @property
    def way_back(self) -> RestoreOptions:
        return self.options.restore


@dataclass(frozen=True, kw_only=True)
class SourceFacts:
    host: HostFacts
    container: ContainerDetail
    processes: list[Process]
    # Established TCP connections in the container's own network, at the time of the look.
    open_connections: int = 0
    # Those of them whose other end is not in the container's own network.
    outward_connections: int = 0
    networks: NodeNetworks = field(default_factory=NodeNetworks)

    @property
    def estimated_archive_bytes(self) -> int:
        """Return what the archive takes at most before compression, volumes left out."""
        memory = sum(process.rss_bytes for process in self.processes)
        return memory + max(self.container.rootfs_changes_bytes, 0)


@dataclass(frozen=True, kw_only=True)
class DestinationFacts:
    host: HostFacts
    containers: list[ListedContainer]
    has_image: bool
    # The ID of the image that has the container's image name there; "" if none has.
    image_id_of_name: str
    volumes: frozenset[str]
    networks: frozenset[str]
    taken_tcp_ports: frozenset[int]
    taken_udp_ports: frozenset[int]
    missing_bind_sources: list[str]
    taken_addresses: frozenset[str]
    # Of the container's networks, what the destination says of its own.
    own_networks: NodeNetworks = field(default_factory=NodeNetworks)


@dataclass(frozen=True, kw_only=True)
class SourceSide:
    """The container's node and the catalog, as preflight saw them."""

    source: SourceFacts
    catalog_free_bytes: int


@dataclass(frozen=True, kw_only=True)
class Surroundings(SourceSide):
    """Both ends and the catalog, as preflight saw them."""

    destination: DestinationFacts


@dataclass(frozen=True, kw_only=True)
class MigrationResult:
    """``downtime_s``: last seen running on the source → seen running on the destination."""

    downtime_s: float
    frozen_s: float | None
    archive_id: int
    archive_bytes: int
    destination_container_id: str
    checkpoint_statistics: dict[str, float]
    restore_statistics: dict[str, float]
    warnings: list[str]

    def as_dict(self) -> dict[str, Any]:
        return {
            "downtime_s": round(self.downtime_s, 3),
            "frozen_s": self.frozen_s,
            "bytes": self.archive_bytes,
            "archive_id": self.archive_id,
            "destination_container_id": self.destination_container_id,
            "rolled_back": False,
            "checkpoint_statistics": self.checkpoint_statistics,
            "restore_statistics": self.restore_statistics,
            "warnings": self.warnings,
        }
