"""What an operation has done on the nodes: all that a rollback, even after a crash, needs."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self

from nodes.operations.report import Report


@dataclass(kw_only=True)
class Marks:
    """Facts that are in the database before anything is done because of them."""

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> Self:
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in known})

    async def mark(self, report: Report, **facts: Any) -> None:
        """Set facts in the database, and here once they are there."""
        await report.record(**{**asdict(self), **facts})
        self.set(**facts)

    def set(self, **facts: Any) -> None:
        """Set facts here only."""
        for name, value in facts.items():
            setattr(self, name, value)


@dataclass(kw_only=True)
class Journal(Marks):
    """What a migration has done."""

    checkpoint_sent: bool = False
    # The site's clock, in seconds since the epoch, before the checkpoint was sent.
    last_running_at: float = 0.0
    # [PID in the container, command], before the checkpoint.
    processes: list[tuple[int, str]] = field(default_factory=list)
    # The catalog's key of the file into which the archive is received.
    incoming_key: str = ""
    restore_sent: bool = False
    # From here on nobody goes forward any more.
    rolling_back: bool = False
    # But for somebody who wants what runs on the destination.
    kept_on_destination: bool = False
    # What the restore made there has been removed.
    destination_cleared: bool = False
    # Somebody has answered for it that the container does not run on the destination.
    destination_excluded: bool = False
    # The rollback has seen it running on the source again, or still.
    back_on_source: bool = False
    committed: bool = False
    # Those of the container, by name.
    volumes: list[str] = field(default_factory=list)
    # Volumes that were not on the destination before and that the restore makes there.
    new_volumes: list[str] = field(default_factory=list)
    # Those of them that a rollback could not remove.
    volumes_left: list[str] = field(default_factory=list)
    # The folder on the destination into which the archive is unpacked ahead; "" if it is not.
    unpacked_into: str = ""
    # What to hold back around a restore on the "source" and on the "destination": own_address.py.
    holds: dict[str, dict[str, Any]] = field(default_factory=dict)
    archive_id: int | None = None
    archive_bytes: int = 0
    archive_sha256: str = ""
    # Until it ran on the destination, or on the source again.
    downtime_s: float = 0.0
    checkpoint_statistics: dict[str, float] = field(default_factory=dict)
    restore_statistics: dict[str, float] = field(default_factory=dict)

    @property
    def halted_for_s(self) -> float:
        """Return how long ago it was last seen running on the source, by the site's clock."""
        return max(time.time() - self.last_running_at, 0.0)

    @property
    def is_clear_of_destination(self) -> bool:
        """Tell whether a rollback has nothing to do with the destination any more."""
        return self.back_on_source or self.destination_cleared
