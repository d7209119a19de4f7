"""What is to be restored from the catalog onto which node, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from nodes.host.facts import HostFacts
from nodes.host.recorded_facts import recorded_facts
from nodes.operations.journal import Marks
from nodes.operations.migration_plan import SourceFacts, Surroundings
from nodes.operations.staging import Staged
from nodes.podman.archived import archived_container
from nodes.podman.containers import ContainerDetail, Port
from nodes.podman.options import RestoreOptions
from nodes.podman.processes import Process


@dataclass(frozen=True, kw_only=True)
class RestorePlan(Staged):
    """``sections``: what the archive holds; ``versions``: what it was made with, {} if unknown."""

    archive_name: str
    path: Path
    size_bytes: int
    sha256: str
    unpacked_bytes: int
    sections: Mapping[str, Any]
    versions: Mapping[str, Any]
    options: RestoreOptions
    watch_window_s: float = 2.0

    @property
    def container(self) -> ContainerDetail:
        """Return the container as the restore is to make it: another name, other ports."""
        archived = archived_container(self.sections)
        if self.options.name:
            # Podman gives it a new ID, and an address of its own.
            archived = replace(
                archived, name=self.options.name, podman_id="", addresses=frozenset()
            )
        if self.options.publish:
            archived = replace(archived, ports=_published(self.options))
        return archived

    @property
    def processes(self) -> list[Process]:
        return [
            Process(pid=process["pid"], command=process["name"], rss_bytes=0)
            for process in self.sections["processes"]
        ]

    @property
    def source(self) -> SourceFacts:
        return SourceFacts(
            host=recorded_facts(self.versions), container=self.container, processes=self.processes
        )


def _published(options: RestoreOptions) -> list[Port]:
    return [
        Port(
            host_ip="",
            host_port=port.host_port,
            container_port=port.container_port,
            count=port.count,
            protocol=port.protocol,
        )
        for port in options.published
        if port.host_port
    ]


@dataclass(frozen=True, kw_only=True)
class RestoreSurroundings(Surroundings):
    """The destination, and where else in the fleet things are."""

    # The name of a node from which the image can be copied; "" if none has it.
    image_node: str
    # Nodes on which the archive's own container was last seen running.
    running_on: Sequence[str]
    # Running, Created, Exited, … as `podman pod inspect` says; "" where there is no such pod.
    pod_state: str
    # What on the destination does not know --tcp-close; "" if all do.
    lacks_tcp_close: str

    @property
    def host(self) -> HostFacts:
        return self.destination.host


@dataclass(kw_only=True)
class RestoreJournal(Marks):
    """What a restore has done on its node: all that taking it back needs, without the archive."""

    # What the container is called and, unless it gets one of its own, its ID.
    wanted_name: str = ""
    wanted_id: str = ""
    image_id: str = ""
    # The ID of the stopped container that was removed, as was asked for; "" if none was.
    replaced: str = ""
    # Containers that were there before.
    present: list[str] = field(default_factory=list)
    # Volumes that were not there before.
    new_volumes: list[str] = field(default_factory=list)
    # A pod that did not run before.
    idle_pod: str = ""
    restore_sent: bool = False
    cleared: bool = False
    container_id: str = ""
    committed: bool = False
    archive_bytes: int = 0


@dataclass(frozen=True, kw_only=True)
class RestoreResult:
    container_id: str
    container_name: str
    archive_bytes: int
    statistics: dict[str, float]
    warnings: list[str]

    def as_dict(self) -> dict[str, Any]:
        return {
            "destination_container_id": self.container_id,
            "destination_container_name": self.container_name,
            "bytes": self.archive_bytes,
            "restore_statistics": self.statistics,
            "warnings": self.warnings,
        }
