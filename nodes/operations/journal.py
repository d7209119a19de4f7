"""What an operation has done on the nodes: all that a rollback, even after a crash, needs."""

from __future__ import annotations

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
        """Set facts here, and in the database when this returns."""
        for name, value in facts.items():
            setattr(self, name, value)
        await report.record(**asdict(self))


@dataclass(kw_only=True)
class Journal(Marks):
    """What a migration has done."""

    checkpoint_sent: bool = False
    restore_sent: bool = False
    # The rollback has seen it running on the source again, or still.
    back_on_source: bool = False
    committed: bool = False
    # Volumes that were not on the destination before and that the restore makes there.
    new_volumes: list[str] = field(default_factory=list)
    # The folder on the destination into which the archive is unpacked ahead; "" if it is not.
    unpacked_into: str = ""
    archive_id: int | None = None
    archive_bytes: int = 0
    downtime_s: float = 0.0
