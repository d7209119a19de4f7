"""Bring a container back on the source when a migration fails before its commit.

First the destination is asked: a lost connection is not a failed restore, and there must never be
two running copies. Only then is the container restored on the source: way_back.py. A destination
that runs it is not cleared before the source has answered: there must never be none either.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto

from nodes.operations.container_asks import container_exists
from nodes.operations.errors import EndedMeanwhile, RollbackFailed, StateUnknown
from nodes.operations.held_address import SOURCE, holding, let_go, tell_what_failed
from nodes.operations.journal import Journal
from nodes.operations.migration_plan import MigrationPlan
from nodes.operations.preflight import inspect_container
from nodes.operations.quietly import leave, note, note_leftover, say
from nodes.operations.remote_step import RemoteStep
from nodes.operations.remove_container import remove_container, runs_anything
from nodes.operations.report import Report, require_ours
from nodes.operations.restore import STEP_NAME, UNPACKED_STEP_NAME, clear_volumes
from nodes.operations.staging import remove_staging
from nodes.operations.unpack_ahead import drop_unpacked
from nodes.operations.way_back import nothing_guessed, run_on_source, until_answered
from nodes.problem import FerryError
from nodes.ssh.errors import CommandFailed, SshError
from nodes.ssh.session import NodeSession

# Of the log's lines: it is no phase of the plan.
ROLLBACK = "rollback"
# What a rollback waits for a restore whose copy is removed all the same: one that is killed may
# leave more to tidy up than one that has ended.
_RESTORE_GRACE_S = 30.0


class Place(Enum):
    """Where the container runs."""

    SOURCE = auto()
    DESTINATION = auto()


async def bring_back(
    source: NodeSession,
    destination: NodeSession,
    plan: MigrationPlan,
    journal: Journal,
    report: Report,
) -> Place:
    """Leave the container running on the source and nowhere else, and return where it runs.

    That is the destination when it runs there already and the source does not answer. Raises
    RollbackFailed when the source cannot bring it back, and StateUnknown when a node that must
    be asked gives no answer, or for any error at all that leaves it open.
    """
    if journal.checkpoint_sent:
        if not journal.rolling_back:
            # What the destination had told of it does not count any more.
            await note(report, journal, rolling_back=True, downtime_s=0.0)
        told = f"Rolling back to {source.name}."
        await say(report, told, level="warning", phase=ROLLBACK)
    with nothing_guessed(plan.operation_id):
        if journal.restore_sent and not journal.is_clear_of_destination:
            if not await _source_answers(source, destination, plan, journal, report):
                await note(report, journal, downtime_s=journal.halted_for_s)
                return Place.DESTINATION
            if not (journal.destination_excluded and await _is_away(destination, report)):
                await until_answered(
                    destination,
                    report,
                    lambda: _clear_destination(destination, plan, journal, report),
                )
                # Whatever is there later is not what this migration restored.
                await note(report, journal, destination_cleared=True)
        if journal.checkpoint_sent and not journal.back_on_source:
            await _bring_back_on_source(source, destination, plan, journal, report)
            await note(report, journal, back_on_source=True)
            told = f"The container is running on {source.name}, its memory intact."
            await say(report, told, phase=ROLLBACK)
    await _remove_staging((source, destination), destination, plan, journal, report)
    return Place.SOURCE


async def _is_away(destination: NodeSession, report: Report) -> bool:
    """Tell whether a node that somebody answered for cannot be asked itself."""
    try:
        await destination.run(["true"])
        return False
    except SshError:
        told = f"{destination.name} does not answer: what was assured of it is taken for true."
        await say(report, told, level="warning")
        # Should it come back with a copy, that goes.
        await note_leftover(report, destination)
        return True


async def _bring_back_on_source(
    source: NodeSession,
    destination: NodeSession,
    plan: MigrationPlan,
    journal: Journal,
    report: Report,
) -> None:
    try:
        await until_answered(source, report, lambda: _run_on_source(source, plan, journal, report))
    except EndedMeanwhile:
        # Nothing of it is worth keeping.
        await _remove_staging((source, destination), destination, plan, journal, report)
        raise
    except RollbackFailed:
        # What the source has is for the next try; the destination has nothing that it lacks.
        await _remove_staging((destination,), destination, plan, journal, report)
        raise


async def _run_on_source(
    source: NodeSession, plan: MigrationPlan, journal: Journal, report: Report
) -> None:
    around = holding(journal, plan, SOURCE)
    if await run_on_source(source, plan, report, journal.volumes, around):
        await note(report, journal, downtime_s=journal.halted_for_s)
    await tell_what_failed(source, journal, plan, report)
    await let_go(source, journal, plan, report)


async def clear_late(
    destination: NodeSession, plan: MigrationPlan, journal: Journal, report: Report
) -> None:
    """Remove from the destination what a rollback could not. Raises SshError."""
    if journal.restore_sent and await container_exists(destination, plan.container_id):
        await _clear_destination(destination, plan, journal, report)
    elif journal.volumes_left:
        # Others: whoever has volumes of that name by now may have made them.
        await _clear_volumes(destination, journal, report)
    if journal.unpacked_into:
        await drop_unpacked(destination, journal.unpacked_into, plan.container_id)
    await remove_staging(destination, plan.folder)


async def _source_answers(
    source: NodeSession,
    destination: NodeSession,
    plan: MigrationPlan,
    journal: Journal,
    report: Report,
) -> bool:
    """Return False if the source does not answer and the container runs on the destination.

    Raises StateUnknown when it does not answer and the destination does not run the container.
    """

    async def ask() -> None:
        await source.run(["true"])

    try:
        await until_answered(source, report, ask)
        return True
    except StateUnknown:
        if not await _runs_on_destination(destination, plan, report):
            if journal.archive_id is not None:
                # So that it can be restored from the catalog: the way back without the source.
                await _clear_destination(destination, plan, journal, report)
                await _remove_staging((destination,), destination, plan, journal, report)
            raise
    told = f"{source.name} does not answer, so the container is left running on {destination.name}."
    await say(report, told, level="warning")
    return False


async def _runs_on_destination(
    destination: NodeSession, plan: MigrationPlan, report: Report
) -> bool:
    found: list[bool] = []

    async def ask() -> None:
        # It may be the only copy that can be reached.
        await end_restores(destination, plan, grace_s=report.limit_s("restore"))
        if not await container_exists(destination, plan.container_id):
            found.append(False)
            return
        container = await inspect_container(destination, plan.container_id)
        found.append(container.running and container.restarts == 0)

    await until_answered(destination, report, ask)
    return found[-1]


async def end_restores(
    destination: NodeSession, plan: MigrationPlan, *, grace_s: float = _RESTORE_GRACE_S
) -> None:
    """See to it that no restore is under way, and that none begins; one may take ``grace_s``."""
    for name in (UNPACKED_STEP_NAME, STEP_NAME):
        step = RemoteStep(session=destination, folder=plan.folder, name=name)
        if await step.forbid():
            await step.end(grace_s)


async def _clear_destination(
    destination: NodeSession, plan: MigrationPlan, journal: Journal, report: Report
) -> None:
    await end_restores(destination, plan)
    require_ours(report)
    try:
        if await remove_container(destination, plan.container_id):
            told = f"Removed what was restored on {destination.name}."
            await say(report, told, phase=ROLLBACK)
    except CommandFailed as failure:
        # As on a full disk. What nobody runs keeps nobody from going back.
        if await runs_anything(destination, plan.container_id):
            raise
        await note_leftover(report, destination)
        told = f"The container is left on {destination.name}, stopped: {failure.problem.cause}"
        await say(report, told, level="warning")
    require_ours(report)
    await _clear_volumes(destination, journal, report)
    await let_go(destination, journal, plan, report)


async def _clear_volumes(destination: NodeSession, journal: Journal, report: Report) -> None:
    left = await clear_volumes(destination, journal.volumes_left or journal.new_volumes)
    # On a full disk, say: the container goes back all the same.
    await note(report, journal, volumes_left=left)
    if left:
        told = f"Volume {' and '.join(left)} left on {destination.name}: it is tried again."
        await say(report, told, level="warning")
        await note_leftover(report, destination)


async def _remove_staging(
    sessions: Sequence[NodeSession],
    destination: NodeSession,
    plan: MigrationPlan,
    journal: Journal,
    report: Report,
) -> None:
    for session in sessions:
        try:
            if session is destination and journal.unpacked_into:
                await drop_unpacked(session, journal.unpacked_into, plan.container_id)
            await remove_staging(session, plan.folder)
        except FerryError as error:
            left = journal.unpacked_into if session is destination else ""
            places = " and ".join(filter(None, [str(plan.folder), left]))
            await leave(report, session, f"{places} left on {session.name}: {error}")
