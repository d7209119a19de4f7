"""Bring a container back on the source when a migration fails before its commit.

First the destination is asked: a lost connection is not a failed restore, and there must never be
two running copies. Only then is the container restored on the source, from the files that the
checkpoint left with it (field note 5), or from its archive when Podman removed it (--rm).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace

from nodes.operations.checkpoint import STEP_NAME as CHECKPOINT_STEP
from nodes.operations.container_asks import container_exists
from nodes.operations.errors import RollbackFailed, StateUnknown
from nodes.operations.failure import explain, explain_exit, facts_for_diagnosis
from nodes.operations.journal import Journal
from nodes.operations.migration_plan import MigrationPlan
from nodes.operations.preflight import inspect_container
from nodes.operations.quietly import note, say
from nodes.operations.remote_step import RemoteStep
from nodes.operations.report import Report
from nodes.operations.restore import STEP_NAME, UNPACKED_STEP_NAME, clear_container
from nodes.operations.staging import file_size_bytes, remove_staging
from nodes.operations.unpack_ahead import drop_unpacked
from nodes.podman import argv
from nodes.podman.containers import ContainerDetail
from nodes.problem import FerryError
from nodes.ssh.errors import CommandTimedOut, NodeUnreachable, SshError
from nodes.ssh.session import Completed, NodeSession

logger = logging.getLogger(__name__)
# How long the nodes are asked before the state is called unknown.
ASK_FOR_S = 60.0
_ASK_EVERY_S = 2.0


async def bring_back(
    source: NodeSession,
    destination: NodeSession,
    plan: MigrationPlan,
    journal: Journal,
    report: Report,
) -> None:
    """Leave the container running on the source and nowhere else.

    Raises RollbackFailed when the source cannot bring it back, and StateUnknown when a node
    that must be asked gives no answer, or for any error at all that leaves it open.
    """
    if journal.checkpoint_sent:
        await say(report, f"Rolling back to {source.name}.", level="warning")
    try:
        if journal.restore_sent:
            await _until_answered(
                destination, report, lambda: _clear_destination(destination, plan, journal, report)
            )
        if journal.checkpoint_sent:
            await _until_answered(source, report, lambda: _run_on_source(source, plan, report))
            await note(report, journal, back_on_source=True)
            await say(report, f"The container is running on {source.name}, its memory intact.")
    except (RollbackFailed, StateUnknown):
        raise
    except Exception as error:
        logger.exception("rollback of operation %s", plan.operation_id)
        raise StateUnknown(
            "The rollback itself failed, so nobody has seen where the container runs.",
            cause=f"{type(error).__name__}: {error}",
            remedy="Choose Look again. Until then start nothing by hand.",
        ) from error
    await _remove_staging(source, destination, plan, journal, report)


async def _until_answered(
    session: NodeSession, report: Report, ask: Callable[[], Awaitable[None]]
) -> None:
    clock = asyncio.get_running_loop().time
    until = clock() + ASK_FOR_S
    while True:
        try:
            await ask()
            return
        except SshError as error:
            if clock() > until:
                raise _unknown(session, error) from error
            await say(report, f"{session.name}: {error} Asking again.", level="warning")
            await asyncio.sleep(_ASK_EVERY_S)


def _unknown(session: NodeSession, error: SshError) -> StateUnknown:
    away = isinstance(error, (NodeUnreachable, CommandTimedOut))
    what = "does not answer" if away else "cannot tell"
    return StateUnknown(
        f"{session.name} {what}, so nobody can say where the container runs.",
        cause=f"{error.problem.message} {error.problem.cause}".strip(),
        remedy=f"Mend {session.name}, then choose Look again. Until then start nothing by hand: "
        "the container's state is kept on the source, and in the catalog if it got there.",
    )


async def _clear_destination(
    destination: NodeSession, plan: MigrationPlan, journal: Journal, report: Report
) -> None:
    for name in (UNPACKED_STEP_NAME, STEP_NAME):
        step = RemoteStep(session=destination, folder=plan.folder, name=name)
        if await step.forbid():
            await step.wait()
    if await clear_container(destination, plan.container_id, journal.new_volumes):
        await say(report, f"Removed what was restored on {destination.name}.")


async def _run_on_source(source: NodeSession, plan: MigrationPlan, report: Report) -> None:
    step = RemoteStep(session=source, folder=plan.folder, name=CHECKPOINT_STEP)
    whole = False
    if await step.forbid():
        if await file_size_bytes(source, plan.archive_path) > 0:
            # The dump is done and the export under way. Podman killed here leaves a container
            # that can be restored (field note 5); killed while dumping it is not measured.
            await step.terminate()
        whole = (await step.wait()).exit_status == 0
    if await container_exists(source, plan.container_id):
        container = await inspect_container(source, plan.container_id)
        if container.running:
            await say(report, f"{container.name} runs on {source.name}.")
            return
        done = await source.run(
            argv.restore_in_place_argv(plan.container_id, plan.options.restore),
            check=False,
            timeout_s=3600,
        )
        await _require_back(source, plan, done, container)
        return
    if not whole:
        raise RollbackFailed(
            f"The container is gone from {source.name} and its archive is not whole.",
            cause="Podman removed it, as it does with --rm containers.",
            remedy=f"Look into {plan.folder} on {source.name}: what was exported is kept there.",
        )
    await _import_on_source(source, plan)


async def _import_on_source(source: NodeSession, plan: MigrationPlan) -> None:
    # Podman removed the container but not its volumes: they are the newer copy, and an import
    # fails where they exist. Its address is its own again.
    options = replace(
        plan.options.restore,
        ignore_volumes=True,
        ignore_static_ip=False,
        ignore_static_mac=False,
    )
    done = await source.run(
        argv.import_argv(plan.archive_path, options), check=False, timeout_s=3600
    )
    await _require_back(source, plan, done, None)


async def _require_back(
    source: NodeSession, plan: MigrationPlan, done: Completed, before: ContainerDetail | None
) -> None:
    name = before.name if before else plan.container_id[:12]
    if done.exit_status == 0:
        container = await inspect_container(source, plan.container_id)
        afresh = container.restarts > (before.restarts if before else 0)
        if container.running and not afresh:
            return
        what = f"exited with code {container.exit_code} at once"
        if afresh:
            what = "ended at once and was started afresh, without its memory"
        raise await explain_exit(
            RollbackFailed,
            f"{name} was brought back on {source.name}, but {what}.",
            source,
            container,
            facts_for_diagnosis(source.name, container=container),
            remedy=f"`podman start {name}` on {source.name} starts it afresh. Its memory is in "
            "the archive, if there is one in the catalog.",
        )
    raise await explain(
        RollbackFailed,
        f"{name} could not be brought back on {source.name}: it is stopped there.",
        source,
        done,
        log_path=before.restore_log if before else "",
    )


async def _remove_staging(
    source: NodeSession,
    destination: NodeSession,
    plan: MigrationPlan,
    journal: Journal,
    report: Report,
) -> None:
    for session in (source, destination):
        try:
            if session is destination and journal.unpacked_into:
                await drop_unpacked(session, journal.unpacked_into, plan.container_id)
            await remove_staging(session, plan.folder)
        except FerryError as error:
            left = journal.unpacked_into if session is destination else ""
            places = " and ".join(filter(None, [str(plan.folder), left]))
            await say(report, f"{places} left on {session.name}: {error}", level="warning")
