"""Take up a migration that another process left: ask both nodes, then go on or roll it back."""

from __future__ import annotations

from dataclasses import dataclass, replace

from nodes.catalog.store import Store
from nodes.operations import preflight
from nodes.operations.again import again_when_lost
from nodes.operations.carry_through import carry_through, finish
from nodes.operations.checkpoint import STEP_NAME as CHECKPOINT_STEP
from nodes.operations.errors import StateUnknown, WorkflowError
from nodes.operations.journal import Journal
from nodes.operations.migrate import migrate
from nodes.operations.migration_plan import MigrationPlan, MigrationResult, Surroundings
from nodes.operations.move import Move
from nodes.operations.quietly import leave_no_staging, note, say
from nodes.operations.remote_step import RemoteStep
from nodes.operations.remove_container import runs_anything
from nodes.operations.report import Report
from nodes.operations.restore import require_restored, require_running
from nodes.operations.rollback import Place, bring_back, end_restores
from nodes.operations.unpack_ahead import plan_unpack_ahead
from nodes.podman.processes import Process
from nodes.problem import FerryError
from nodes.ssh.errors import SshError
from nodes.ssh.session import NodeSession
from nodes.uninterrupted import uninterrupted


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
    *,
    go_on: bool,
) -> MigrationResult:
    """Finish a committed migration; take any other up from where it is, or roll it back.

    Without ``go_on`` it is rolled back. Raises Interrupted once that is done, StateUnknown and
    RollbackFailed as a rollback does, and what migrate raises.
    """
    journal = Journal.parse(await report.journal())
    recovery = _Recovery(source, destination, plan, store, report, journal)
    if journal.committed and not journal.rolling_back:
        await _require_on_destination(destination, plan)
        return await finish(source, destination, plan, journal, report, [])
    if journal.kept_on_destination and not journal.committed:
        await _require_only_on_destination(source, destination, plan, report)
        halted_for_s = journal.downtime_s or journal.halted_for_s
        await note(report, journal, committed=True, rolling_back=False, downtime_s=halted_for_s)
        return await finish(source, destination, plan, journal, report, [])
    if go_on and not journal.rolling_back:
        if await recovery.has_begun():
            return await recovery.go_on()
        return await recovery.begin_anew()
    await say(report, "Asking the nodes where the container runs.")
    place = await uninterrupted(bring_back(source, destination, plan, journal, report))
    if place is Place.SOURCE:
        raise Interrupted
    await note(report, journal, committed=True, rolling_back=False)
    return await finish(source, destination, plan, journal, report, [])


@dataclass(frozen=True)
class _Recovery:
    source: NodeSession
    destination: NodeSession
    plan: MigrationPlan
    store: Store
    report: Report
    journal: Journal

    @property
    def _checkpoint(self) -> RemoteStep:
        return RemoteStep(session=self.source, folder=self.plan.folder, name=CHECKPOINT_STEP)

    async def has_begun(self) -> bool:
        """Tell whether the container may have been stopped; if not, see to it that it never is."""
        if not self.journal.checkpoint_sent:
            return False
        try:
            return not await again_when_lost(self._checkpoint.never_begins)
        except SshError:
            # Whoever rolls back asks for longer.
            return True

    async def begin_anew(self) -> MigrationResult:
        await say(self.report, "Nothing had been changed: the migration begins anew.")
        for session in (self.source, self.destination):
            await leave_no_staging(session, self.plan.folder, self.report)
        await self.journal.mark(self.report, checkpoint_sent=False)
        return await migrate(self.source, self.destination, self.plan, self.store, self.report)

    async def go_on(self) -> MigrationResult:
        await say(self.report, "Going on from where the migration is.")
        return await carry_through(
            self.source, self.destination, self.plan, self.journal, self.report, self._go
        )

    async def _go(self) -> list[str]:
        move = await self._move()
        if self.journal.restore_sent:
            await self._require_restored(move)
        elif move.near.source.container.running:
            # The dump failed, or its restart policy or somebody has started it there.
            raise Interrupted
        else:
            checkpointed = await move.transfer_again(self._checkpoint)
            await self._require_still_stopped()
            await move.restore(checkpointed)
        return await move.verify()

    async def _require_still_stopped(self) -> None:
        """Raise Interrupted when somebody has started it on the source meanwhile."""
        try:
            found = await preflight.inspect_container(self.source, self.plan.container_id)
        except FerryError:
            # A source that is gone runs nothing that anybody could reach.
            return
        if found.running:
            raise Interrupted

    async def _require_restored(self, move: Move) -> None:
        """Raise Interrupted unless the restore that another process sent has succeeded."""
        grace_s = self.report.limit_s("restore")
        await again_when_lost(lambda: end_restores(self.destination, self.plan, grace_s=grace_s))
        try:
            await require_restored(
                self.destination, self.plan.container_id, move.near.destination.host
            )
        except WorkflowError as error:
            raise Interrupted from error
        downtime_s = self.journal.halted_for_s
        if not self.journal.downtime_s:
            await self.journal.mark(self.report, downtime_s=downtime_s)

    async def _move(self) -> Move:
        near = await self._look_around()
        return Move(
            source=self.source,
            destination=self.destination,
            plan=self.plan,
            near=near,
            store=self.store,
            report=self.report,
            journal=self.journal,
            unpack_ahead=plan_unpack_ahead(near.destination.host, self.plan),
        )

    async def _look_around(self) -> Surroundings:
        near = await again_when_lost(
            lambda: preflight.look_around(
                self.source, self.destination, self.plan, self.store.free_bytes()
            )
        )
        # The source has no processes of it any more.
        processes = [
            Process(pid=pid, command=command, rss_bytes=0)
            for pid, command in self.journal.processes
        ]
        return replace(near, source=replace(near.source, processes=processes))


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


async def _require_only_on_destination(
    source: NodeSession, destination: NodeSession, plan: MigrationPlan, report: Report
) -> None:
    """Raise StateUnknown unless the container runs on the destination, and there only."""
    try:
        await end_restores(destination, plan, grace_s=report.limit_s("restore"))
        await require_restored(destination, plan.container_id)
    except FerryError as error:
        raise StateUnknown(
            f"The container cannot be kept on {destination.name}.",
            cause=f"{error.problem.message} {error.problem.cause}".strip(),
            remedy="Nothing was changed. Choose Look again, or another way.",
        ) from error
    try:
        copy_runs = await runs_anything(source, plan.container_id)
    except FerryError as error:
        await say(report, f"{error} It is taken not to run there.", level="warning")
        return
    if copy_runs:
        raise StateUnknown(
            f"The container runs on {source.name} as well as on {destination.name}.",
            remedy="Stop the copy that you do not want, then choose again.",
        )
