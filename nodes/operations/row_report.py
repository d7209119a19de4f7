"""Write what a workflow reports into its operation's row, and ping the pages that show it."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from asgiref.sync import sync_to_async
from django.utils import timezone

from nodes.catalog.store import StoredFile
from nodes.finding import Finding
from nodes.live import ping_operation, ping_operations
from nodes.models import Archive, Operation, OperationEvent, PhaseState
from nodes.podman.containers import ContainerDetail

logger = logging.getLogger(__name__)
# Progress is written and shown at most so often; the last figure of a phase always is.
PROGRESS_EVERY_S = 0.25


def new_phases(names: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "state": PhaseState.PENDING,
            "started_at": None,
            "ended_at": None,
            "bytes": None,
            "total": None,
        }
        for name in names
    ]


class RowReport:
    """Implement operations.report.Report over one Operation."""

    def __init__(self, operation: Operation) -> None:
        self._operation = operation
        self._phases: dict[str, dict[str, Any]] = {
            phase["name"]: phase for phase in operation.phases
        }
        self._shown_at = 0.0

    @asynccontextmanager
    async def phase(self, name: str) -> AsyncIterator[_RowPhase]:
        entry = self._phases[name]
        entry.update(state=PhaseState.RUNNING, started_at=timezone.now().isoformat())
        self._operation.phase = name
        await self.save()
        await ping_operations()
        try:
            yield _RowPhase(self, entry)
        except BaseException:
            try:
                await self._end(entry, PhaseState.FAILED)
            except Exception:
                # What made the phase fail must not be hidden by a database that fails too.
                logger.exception("phase %s of operation %s", name, self._operation.pk)
            raise
        await self._end(entry, PhaseState.SUCCEEDED)

    async def _end(self, entry: dict[str, Any], state: PhaseState) -> None:
        entry.update(state=state, ended_at=timezone.now().isoformat())
        await self.save()

    async def skip(self, name: str, reason: str) -> None:
        now = timezone.now().isoformat()
        self._phases[name].update(state=PhaseState.SKIPPED, started_at=now, ended_at=now)
        await self.save()
        await self.log(reason)

    async def log(self, message: str, *, level: str = "info") -> None:
        await OperationEvent.objects.acreate(
            operation=self._operation, phase=self._operation.phase, level=level, message=message
        )
        await ping_operation(self._operation.pk)

    async def findings(self, findings: Sequence[Finding]) -> None:
        self._operation.findings = [finding.as_dict() for finding in findings]
        await self._operation.asave(update_fields=["findings"])

    async def record(self, **facts: Any) -> None:
        self._operation.journal = {**self._operation.journal, **facts}
        await self._operation.asave(update_fields=["journal"])

    async def journal(self) -> dict[str, Any]:
        return dict(self._operation.journal)

    async def keep_archive(
        self,
        stored: StoredFile,
        *,
        container: ContainerDetail,
        options: dict[str, Any],
        versions: dict[str, Any],
    ) -> int:
        operation = self._operation
        archive = await sync_to_async(Archive.objects.create)(
            name=f"{container.name}-{timezone.now():%Y%m%d-%H%M%S}",
            key=stored.key,
            sha256=stored.sha256,
            size_bytes=stored.size_bytes,
            compression=stored.compression,
            container_name=container.name,
            container_podman_id=container.podman_id,
            image=container.image_name,
            image_id=container.image_id,
            node=operation.source,
            node_name=operation.source_name,
            options=options,
            versions=versions,
        )
        operation.archive = archive
        await operation.asave(update_fields=["archive"])
        await self.log(f"The archive {archive.name} is in the catalog.")
        return archive.pk

    async def save(self) -> None:
        self._shown_at = time.monotonic()
        await self._operation.asave(update_fields=["phases", "phase"])
        await ping_operation(self._operation.pk)

    async def save_progress(self) -> None:
        if time.monotonic() - self._shown_at >= PROGRESS_EVERY_S:
            await self.save()


class _RowPhase:
    def __init__(self, report: RowReport, entry: dict[str, Any]) -> None:
        self._report = report
        self._entry = entry

    async def progress(self, done_bytes: int, total_bytes: int | None) -> None:
        self._entry.update(bytes=done_bytes, total=total_bytes)
        await self._report.save_progress()
