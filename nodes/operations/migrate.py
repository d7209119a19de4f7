"""Move a running container from one node to another."""

from __future__ import annotations

import asyncio

from nodes.catalog.store import Store
from nodes.operations import preflight
from nodes.operations.carry_through import carry_through
from nodes.operations.image import ensure_image
from nodes.operations.journal import Journal
from nodes.operations.migration_plan import MigrationPlan, MigrationResult, Surroundings
from nodes.operations.move import Move
from nodes.operations.report import Report
from nodes.operations.staging import make_staging
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
    state is instead. GivenAway leaves everything as it is, for recover_migration.
    """
    near = await preflight.require(source, destination, plan, store.free_bytes(), report)
    await ensure_image(source, destination, near, report)

    journal = Journal(
        volumes=near.source.container.volumes,
        new_volumes=_new_volumes(plan, near),
        processes=[(process.pid, process.command) for process in near.source.processes],
    )
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

    async def go() -> list[str]:
        await asyncio.gather(
            make_staging(source, plan.folder), make_staging(destination, plan.folder)
        )
        checkpointed = await move.checkpoint_and_transfer()
        await move.restore(checkpointed)
        return await move.verify()

    return await carry_through(source, destination, plan, journal, report, go)


def _new_volumes(plan: MigrationPlan, near: Surroundings) -> list[str]:
    # Preflight refuses a volume that is on the destination already, unless it is to be ignored.
    return [] if plan.options.ignore_volumes else near.source.container.volumes
