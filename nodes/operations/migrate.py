"""Move a running container from one node to another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from nodes.catalog.store import Store
from nodes.operations import preflight
from nodes.operations.checkpoint import finish_checkpoint, start_checkpoint
from nodes.operations.clean_up import clean_up
from nodes.operations.image import ensure_image
from nodes.operations.journal import Journal
from nodes.operations.migration_plan import MigrationPlan, MigrationResult, Surroundings
from nodes.operations.report import Report
from nodes.operations.restore import require_running, restore_archive, watch
from nodes.operations.rollback import bring_back
from nodes.operations.staging import make_staging
from nodes.operations.transfer import Transfer
from nodes.operations.uninterrupted import uninterrupted
from nodes.ssh.session import NodeSession

PHASES = ("preflight", "image", "checkpoint", "transfer", "restore", "verify", "clean-up")


@dataclass(frozen=True, kw_only=True)
class _Checkpointed:
    """``last_running_at`` is the site's monotonic clock before the checkpoint was sent."""

    last_running_at: float
    archive_id: int
    archive_bytes: int
    statistics: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class _Restored:
    running_at: float
    statistics: dict[str, float]
    warnings: list[str]


async def migrate(
    source: NodeSession,
    destination: NodeSession,
    plan: MigrationPlan,
    store: Store,
    report: Report,
) -> MigrationResult:
    """Migrate one container, leaving it running on exactly one node.

    Raises PreflightFailed before anything changes. Any other WorkflowError, a lost node and
    cancellation leave it running on the source; StateUnknown and RollbackFailed say where its
    state is instead.
    """
    near = await preflight.require(source, destination, plan, store.free_bytes(), report)
    await ensure_image(source, destination, near, report)

    journal = Journal(new_volumes=_new_volumes(plan, near))
    async with _rollback_to_source(source, destination, plan, journal, report):
        await asyncio.gather(
            make_staging(source, plan.folder), make_staging(destination, plan.folder)
        )
        checkpointed = await _checkpoint_and_transfer(
            source, destination, plan, near, store, journal, report
        )
        restored = await _restore_and_verify(destination, plan, near, journal, report)
        downtime_s = restored.running_at - checkpointed.last_running_at
        await uninterrupted(journal.mark(report, committed=True, downtime_s=downtime_s))

    # Running on the destination: from here nothing may fail the migration. A leftover on the
    # source is a warning, a second running copy is a bug.
    leftovers = await uninterrupted(clean_up(source, destination, plan, journal, report))
    return MigrationResult(
        downtime_s=downtime_s,
        frozen_s=checkpointed.statistics.get("frozen_time_s"),
        archive_id=checkpointed.archive_id,
        archive_bytes=checkpointed.archive_bytes,
        destination_container_id=plan.container_id,
        checkpoint_statistics=checkpointed.statistics,
        restore_statistics=restored.statistics,
        warnings=restored.warnings + leftovers,
    )


@asynccontextmanager
async def _rollback_to_source(
    source: NodeSession,
    destination: NodeSession,
    plan: MigrationPlan,
    journal: Journal,
    report: Report,
) -> AsyncIterator[None]:
    try:
        yield
    except BaseException:
        await uninterrupted(bring_back(source, destination, plan, journal, report))
        raise


async def _checkpoint_and_transfer(
    source: NodeSession,
    destination: NodeSession,
    plan: MigrationPlan,
    near: Surroundings,
    store: Store,
    journal: Journal,
    report: Report,
) -> _Checkpointed:
    container = near.source.container
    incoming = store.receive()
    try:
        await journal.mark(report, checkpoint_sent=True)
        last_running_at = asyncio.get_running_loop().time()
        step, pid = await start_checkpoint(
            source, container, plan.options.checkpoint, plan.archive_path
        )
        async with report.phase("transfer") as phase:
            transfer = Transfer(source, destination, plan.archive_path, incoming, phase)

            async def finish() -> dict[str, float]:
                async with report.phase("checkpoint"):
                    transfer.total_bytes, statistics = await finish_checkpoint(
                        step, container, plan.archive_path
                    )
                return statistics

            try:
                async with asyncio.TaskGroup() as together:
                    figures = together.create_task(finish())
                    together.create_task(transfer.receive(pid))
                    together.create_task(transfer.forward())
            except BaseExceptionGroup as several:
                raise several.exceptions[0] from None
            statistics = figures.result()
        stored = incoming.keep()
    except BaseException:
        incoming.discard()
        raise
    archive_id = await report.keep_archive(
        stored,
        container=container,
        options=plan.options.checkpoint.as_dict(),
        versions=near.source.host.as_dict(),
    )
    await journal.mark(report, archive_id=archive_id, archive_bytes=stored.size_bytes)
    return _Checkpointed(
        last_running_at=last_running_at,
        archive_id=archive_id,
        archive_bytes=stored.size_bytes,
        statistics=statistics,
    )


async def _restore_and_verify(
    destination: NodeSession,
    plan: MigrationPlan,
    near: Surroundings,
    journal: Journal,
    report: Report,
) -> _Restored:
    async with report.phase("restore"):
        await journal.mark(report, restore_sent=True)
        statistics = await restore_archive(
            destination, near.source.container.name, plan.archive_path, plan.options.restore
        )
        await require_running(destination, plan.container_id)
        running_at = asyncio.get_running_loop().time()
    async with report.phase("verify"):
        warnings = await watch(
            destination,
            plan.container_id,
            near.source.processes,
            watch_window_s=plan.watch_window_s,
        )
    return _Restored(running_at=running_at, statistics=statistics, warnings=warnings)


def _new_volumes(plan: MigrationPlan, near: Surroundings) -> list[str]:
    # Preflight refuses a volume that is on the destination already, unless it is to be ignored.
    return [] if plan.options.ignore_volumes else near.source.container.volumes
