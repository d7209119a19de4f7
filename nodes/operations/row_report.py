"""Write what a workflow reports into its operation's row, and ping the pages that show it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import IntegrityError
from django.db.models import QuerySet
from django.utils import timezone

from nodes.archives.keep import keep_file, save_contents, save_unreadable
from nodes.catalog.errors import ArchiveUnreadable
from nodes.catalog.store import IncomingFile
from nodes.finding import Finding
from nodes.live import ping_operation, ping_operations
from nodes.models import Archive, Leftover, Operation, OperationEvent, PhaseState
from nodes.operations.patient_writes import PatientWrites
from nodes.operations.phase_limits import PhaseTimedOut, limit_s
from nodes.operations.recent_rate import RecentRate
from nodes.operations.report import GivenAway
from nodes.podman.containers import ContainerDetail
from nodes.problem import FerryError

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
    """Implement operations.report.Report over one Operation.

    What it writes into the row raises GivenAway when another process has taken the operation up.
    """

    def __init__(self, operation: Operation) -> None:
        self._operation = operation
        self._phases: dict[str, dict[str, Any]] = {
            phase["name"]: phase for phase in operation.phases
        }
        # The phase that the log's lines belong to, the innermost one.
        self._under_way = ""
        self._shown_at = 0.0
        self._contents: asyncio.Task[None] | None = None
        self._given_away = False
        self._writes = PatientWrites(lambda: self._given_away)

    @property
    def is_given_away(self) -> bool:
        return self._given_away

    def limit_s(self, phase: str) -> float:
        return limit_s(phase)

    @property
    def ask_for_s(self) -> float:
        return float(settings.FERRY_ASK_FOR_S)

    def give_away(self) -> None:
        """Have the workflow leave everything as it is, for another process to go on with."""
        self._given_away = True

    async def write(self, **values: Any) -> None:
        """Set fields of the operation, here and in its row."""
        self._require_ours(await self._writes.write(lambda: self._mine.aupdate(**values)))
        for name, value in values.items():
            setattr(self._operation, name, value)

    def _require_ours(self, rows_written: int) -> None:
        if not rows_written:
            self.give_away()
            raise GivenAway

    @property
    def _mine(self) -> QuerySet[Operation]:
        return Operation.objects.filter(pk=self._operation.pk, worker=self._operation.worker)

    @asynccontextmanager
    async def phase(self, name: str) -> AsyncIterator[_RowPhase]:
        entry = self._phases[name]
        limit = limit_s(name)
        # It may be a second attempt.
        entry.pop("rate", None)
        entry.update(state=PhaseState.RUNNING, started_at=timezone.now().isoformat(), ended_at=None)
        around, self._under_way = self._under_way, name
        self._operation.phase = name
        await self.save()
        await ping_operations()
        try:
            async with _at_most(name, limit):
                yield _RowPhase(self, entry)
        except BaseException:
            if self.is_given_away:
                raise
            try:
                await self._end(entry, PhaseState.FAILED)
            except Exception:
                # What made the phase fail must not be hidden by a database that fails too.
                logger.exception("phase %s of operation %s", name, self._operation.pk)
            raise
        finally:
            self._under_way = around
        # One that goes on around it is what the operation is in again.
        self._operation.phase = around or name
        await self._end(entry, PhaseState.SUCCEEDED)

    async def _end(self, entry: dict[str, Any], state: PhaseState) -> None:
        entry.update(state=state, ended_at=timezone.now().isoformat())
        await self.save()

    async def skip(self, name: str, reason: str) -> None:
        now = timezone.now().isoformat()
        self._phases[name].update(state=PhaseState.SKIPPED, started_at=now, ended_at=now)
        await self.save()
        await self.log(reason, phase=name)

    async def log(self, message: str, *, level: str = "info", phase: str = "") -> None:
        event = OperationEvent(
            operation=self._operation,
            phase=phase or self._under_way,
            level=level,
            message=message,
        )
        await self._writes.try_to(event.asave)
        await ping_operation(self._operation.pk)

    async def findings(self, findings: Sequence[Finding]) -> None:
        await self.write(findings=[finding.as_dict() for finding in findings])

    async def record(self, **facts: Any) -> None:
        await self.write(journal={**self._operation.journal, **facts})

    async def journal(self) -> dict[str, Any]:
        return dict(self._operation.journal)

    async def keep_archive(
        self,
        incoming: IncomingFile,
        *,
        container: ContainerDetail,
        options: dict[str, Any],
        versions: dict[str, Any],
        changes: dict[str, Any] | None = None,
    ) -> int:
        operation = self._operation
        keep = sync_to_async(
            partial(
                keep_file,
                incoming,
                changes=changes,
                name=f"{container.name}-{timezone.now():%Y%m%d-%H%M%S}",
                container_name=container.name,
                container_podman_id=container.podman_id,
                image=container.image_name,
                image_id=container.image_id,
                node=operation.source,
                node_name=operation.source_name,
                schedule_id=operation.schedule_id,
                options=options,
                versions=versions,
            )
        )
        archive = await self._writes.write(keep)
        await self.write(archive=archive)
        await self.log(f"The archive {archive.name} is in the catalog.", phase="transfer")
        # Nobody waits for it here: a container may be down meanwhile.
        self._contents = asyncio.create_task(self._keep_contents(archive, incoming))
        return archive.pk

    async def kept_archive(self, key: str) -> tuple[int, int] | None:
        archive = await Archive.objects.filter(key=key).afirst() if key else None
        if archive is None:
            return None
        await self.write(archive=archive)
        return archive.pk, archive.size_bytes

    async def leave(self, node: str) -> None:
        operation = self._operation
        for end in (operation.source, operation.destination):
            if end is not None and end.name == node:
                await Leftover.objects.aget_or_create(operation=operation, node=end)

    async def container_is(self, podman_id: str) -> None:
        try:
            await self.write(container_podman_id=podman_id)
        except IntegrityError:
            # Another operation on it has begun already: it holds the container now.
            logger.warning("operation %s: %s is held", self._operation.pk, podman_id)
            self._operation.container_podman_id = ""

    async def _keep_contents(self, archive: Archive, incoming: IncomingFile) -> None:
        try:
            contents = await incoming.contents()
            await sync_to_async(save_contents)(archive, contents)
        except FerryError as error:
            await sync_to_async(save_unreadable)(archive, error)
            await self.log(f"{error} {error.problem.cause}".strip(), level="warning")
        except Exception as error:
            # The archive is there and can be read later; the operation went well without it.
            logger.exception("the contents of archive %s", archive.pk)
            failure = ArchiveUnreadable(f"The site itself failed: {type(error).__name__}.")
            await sync_to_async(save_unreadable)(archive, failure)

    async def settle(self) -> None:
        """Wait until all that was begun for the operation has ended."""
        if self._contents is not None:
            await self._contents

    async def save(self) -> None:
        self._shown_at = time.monotonic()
        await self.write(phases=self._operation.phases, phase=self._operation.phase)
        await ping_operation(self._operation.pk)

    async def save_progress(self) -> None:
        if time.monotonic() - self._shown_at >= PROGRESS_EVERY_S:
            await self._writes.try_to(self._save_once)

    async def _save_once(self) -> None:
        self._shown_at = time.monotonic()
        self._require_ours(await self._mine.aupdate(phases=self._operation.phases))
        await ping_operation(self._operation.pk)


@asynccontextmanager
async def _at_most(phase: str, limit: float) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(limit) as timer:
            yield
    except TimeoutError as error:
        if not timer.expired():
            raise
        raise PhaseTimedOut(phase, limit) from error


class _RowPhase:
    def __init__(self, report: RowReport, entry: dict[str, Any]) -> None:
        self._report = report
        self._entry = entry
        self._rate = RecentRate()

    async def progress(self, done_bytes: int, total_bytes: int | None) -> None:
        self._rate.note(done_bytes)
        self._entry.update(
            bytes=done_bytes,
            total=total_bytes,
            rate=self._rate.bytes_per_s,
            moved_at=timezone.now().isoformat(),
        )
        await self._report.save_progress()

    async def leg(self, name: str, figures: dict[str, Any]) -> None:
        told = {**figures, "moved_at": timezone.now().isoformat()}
        self._entry.setdefault("legs", {})[name] = told
        await self._report.save_progress()
