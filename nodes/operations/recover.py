"""Take up a migration whose site died: ask both nodes, then finish it or roll it back."""

from __future__ import annotations

from nodes.catalog.store import Store
from nodes.operations.clean_up import clean_up
from nodes.operations.errors import StateUnknown, WorkflowError
from nodes.operations.journal import Journal
from nodes.operations.migration_plan import MigrationPlan, MigrationResult
from nodes.operations.quietly import say
from nodes.operations.report import Report
from nodes.operations.restore import require_running
from nodes.operations.rollback import bring_back
from nodes.problem import FerryError
from nodes.ssh.session import NodeSession


class Interrupted(WorkflowError):
    code = "interrupted"

    def __init__(self, what: str = "migration") -> None:
        super().__init__(
            f"The site was stopped in the middle of the {what}.",
            remedy=f"Start the {what} again.",
        )


async def recover_migration(
    source: NodeSession,
    destination: NodeSession,
    plan: MigrationPlan,
    store: Store,
    report: Report,
) -> MigrationResult:
    """Finish a committed migration; roll any other back and raise Interrupted.

    Raises StateUnknown and RollbackFailed as a rollback does.
    """
    journal = Journal.parse(await report.journal())
    await say(report, "Asking the nodes where the container runs.")
    if not journal.committed:
        await bring_back(source, destination, plan, journal, report)
        raise Interrupted
    await _require_on_destination(destination, plan)
    leftovers = await clean_up(source, destination, plan, journal, report)
    return MigrationResult(
        downtime_s=journal.downtime_s,
        frozen_s=None,
        archive_id=journal.archive_id or 0,
        archive_bytes=journal.archive_bytes,
        destination_container_id=plan.container_id,
        checkpoint_statistics={},
        restore_statistics={},
        warnings=leftovers,
    )


async def _require_on_destination(destination: NodeSession, plan: MigrationPlan) -> None:
    # What is still on the source is the only other copy: it stays until this one is seen.
    try:
        await require_running(destination, plan.container_id)
    except FerryError as error:
        raise StateUnknown(
            f"The container was restored on {destination.name}, but is not seen running there now.",
            cause=f"{error.problem.message} {error.problem.cause}".strip(),
            remedy=f"Look at {destination.name}, then choose Look again. What was left on the "
            "source is kept until then.",
        ) from error
