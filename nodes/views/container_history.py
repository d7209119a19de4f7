"""What has happened to a container: its checkpoints, moves, restores and archives in one list."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from nodes.models import Archive, Container, Operation, OperationKind

MOST_ENTRIES = 20
# The archive of these is what they have made; that of a restore is what it was made of.
_MAKES_ARCHIVES = (OperationKind.MIGRATE, OperationKind.CHECKPOINT)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """An operation with the archive that belongs to it, or an archive alone."""

    at: datetime
    operation: Operation | None
    archive: Archive | None

    @property
    def duration_s(self) -> float | None:
        if self.operation is None or self.operation.duration is None:
            return None
        return self.operation.duration.total_seconds()

    @property
    def made_archive(self) -> bool:
        return self.operation is None or self.operation.kind in _MAKES_ARCHIVES


def history_of(container: Container) -> list[Entry]:
    """Return the last entries, newest first."""
    operations = list(
        Operation.objects.filter(_about(container)).select_related("archive")[:MOST_ENTRIES]
    )
    shown = [
        each.archive_id for each in operations if each.archive_id and each.kind in _MAKES_ARCHIVES
    ]
    archives = Archive.objects.filter(container_podman_id=container.podman_id).exclude(pk__in=shown)
    entries = [
        *(Entry(at=each.created_at, operation=each, archive=each.archive) for each in operations),
        *(
            Entry(at=each.created_at, operation=None, archive=each)
            for each in archives[:MOST_ENTRIES]
        ),
    ]
    return sorted(entries, key=lambda entry: entry.at, reverse=True)[:MOST_ENTRIES]


def _about(container: Container) -> Q:
    # A copy has an ID of its own, which its restore alone knows.
    restored_here = Q(
        kind=OperationKind.RESTORE,
        destination=container.node,
        result__destination_container_id=container.podman_id,
    )
    return Q(container_podman_id=container.podman_id) | restored_here
