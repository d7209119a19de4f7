"""What is to be checkpointed, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from nodes.operations.journal import Marks
from nodes.operations.staging import Staged
from nodes.podman.options import CheckpointOptions, RestoreOptions


@dataclass(frozen=True, kw_only=True)
class CheckpointPlan(Staged):
    container_id: str
    options: CheckpointOptions

    @property
    def leaves_running(self) -> bool:
        return self.options.leave_running

    @property
    def way_back(self) -> RestoreOptions:
        return RestoreOptions(
            tcp_established=self.options.tcp_established, file_locks=self.options.file_locks
        )


@dataclass(kw_only=True)
class CheckpointJournal(Marks):
    """What a checkpoint has done; once the archive is in the catalog it has succeeded."""

    checkpoint_sent: bool = False
    back_on_source: bool = False
    # Those of the container, by name.
    volumes: list[str] = field(default_factory=list)
    # The catalog's key of the archive: whoever finds its row knows that the file is whole.
    archive_key: str = ""
    archive_id: int | None = None
    archive_bytes: int = 0
    # In the catalog, and the container is as was asked for: there is nothing to take back.
    committed: bool = False


@dataclass(frozen=True, kw_only=True)
class CheckpointResult:
    archive_id: int
    archive_bytes: int
    leave_running: bool
    statistics: dict[str, float]
    warnings: list[str]

    def as_dict(self) -> dict[str, Any]:
        return {
            "archive_id": self.archive_id,
            "bytes": self.archive_bytes,
            "leave_running": self.leave_running,
            "frozen_s": self.statistics.get("frozen_time_s"),
            "checkpoint_statistics": self.statistics,
            "warnings": self.warnings,
        }
