"""Move a running container from one node to another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from nodes.catalog.store import Store
from nodes.operations import preflight
from nodes.operations.clean_up import clean_up
from nodes.operations.image import ensure_image
from nodes.operations.journal import Journal
from nodes.operations.migration_plan import MigrationPlan, MigrationResult, Surroundings
from nodes.operations.move import Move
from nodes.operations.report import Report
from nodes.operations.rollback import bring_back
from nodes.operations.staging import make_staging
from nodes.operations.uninterrupted import uninterrupted
from nodes.operations.unpack_ahead import plan_unpack_ahead
from nodes.ssh.session import NodeSession

PHASES = ("preflight", "image", "checkpoint", "transfer", "restore", "verify", "clean-up")


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
    move = Move(
        source=source,
        destination=destination,
        plan=plan,
        near=near,
        store=store,
        report=report,
        journal=journal,
        unpack_ahead=plan_unpack_ahead(near.destination.host, plan),
    )
    async with _rollback_to_source(source, destination, plan, journal, report):
        await asyncio.gather(
            make_staging(source, plan.folder), make_staging(destination, plan.folder)
        )
        checkpointed = await move.checkpoint_and_transfer()
        restored = await move.restore(checkpointed)
        warnings = await move.verify()
        downtime_s = restored.running_at - checkpointed.last_running_at
        await uninterrupted(journal.mark(report, committed=True, downtime_s=downtime_s))

    # Running on the destination: from here nothing may fail the migration. A leftover on the
    # source is a warning, a second running copy is a bug.
    leftovers = await uninterrupted(clean_up(source, destination, plan, journal, report))
    return MigrationResult(
        downtime_s=downtime_s,
        frozen_s=checkpointed.statistics.get("frozen_time_s"),
        archive_id=checkpointed.archive_id,
        archive_bytes=checkpointed.incoming.size_bytes,
        destination_container_id=plan.container_id,
        checkpoint_statistics=checkpointed.statistics,
        restore_statistics=restored.statistics,
        warnings=warnings + leftovers,
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


def _new_volumes(plan: MigrationPlan, near: Surroundings) -> list[str]:
    # Preflight refuses a volume that is on the destination already, unless it is to be ignored.
    return [] if plan.options.ignore_volumes else near.source.container.volumes
