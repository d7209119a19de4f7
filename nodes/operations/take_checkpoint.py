"""Checkpoint a container into the catalog, leaving it running or stopped."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Any

from nodes.catalog.errors import ArchiveCutOff
from nodes.catalog.members import Limits
from nodes.catalog.store import IncomingFile, Store
from nodes.operations import checkpoint_preflight
from nodes.operations.checkpoint import finish_checkpoint, start_checkpoint
from nodes.operations.checkpoint_plan import CheckpointJournal, CheckpointPlan, CheckpointResult
from nodes.operations.errors import CheckpointFailed, StateUnknown
from nodes.operations.migration_plan import SourceSide
from nodes.operations.preflight import inspect_container
from nodes.operations.quietly import leave_no_staging, note, say
from nodes.operations.receipt import Receipt
from nodes.operations.recover import Interrupted
from nodes.operations.remote_hash import require_hash
from nodes.operations.remote_step import RemoteStep
from nodes.operations.report import Report
from nodes.operations.staging import make_staging, remove_staging
from nodes.operations.way_back import nothing_guessed, run_on_source, until_answered
from nodes.podman.argv import diff_argv
from nodes.podman.diff import parse_diff
from nodes.problem import FerryError
from nodes.ssh.session import NodeSession
from nodes.uninterrupted import uninterrupted

_ATTEMPTS = 4
PHASES = ("preflight", "checkpoint", "transfer", "clean-up")


async def take_checkpoint(
    node: NodeSession, plan: CheckpointPlan, store: Store, report: Report
) -> CheckpointResult:
    """Checkpoint one container and keep its archive in the catalog.

    Raises PreflightFailed before anything changes. Any other WorkflowError, a lost node and
    cancellation leave it running on its node; StateUnknown and RollbackFailed say where its state
    is instead.
    """
    near = await checkpoint_preflight.require(node, plan, store.free_bytes(), report)
    journal = CheckpointJournal(volumes=near.source.container.volumes)
    try:
        await make_staging(node, plan.folder)
        statistics = await _checkpoint(node, plan, near, store, journal, report)
    except BaseException:
        if not journal.committed and not report.is_given_away:
            await uninterrupted(_bring_back(node, plan, journal, report))
        raise
    warnings = await uninterrupted(_clean_up(node, plan, report))
    return _result(plan, journal, statistics, warnings)


async def recover_checkpoint(
    node: NodeSession, plan: CheckpointPlan, report: Report
) -> CheckpointResult:
    """Finish a checkpoint whose archive is in the catalog; take any other back.

    Raises Interrupted, and StateUnknown and RollbackFailed as take_checkpoint does.
    """
    journal = CheckpointJournal.parse(await report.journal())
    if not journal.committed and (kept := await report.kept_archive(journal.archive_key)):
        archive_id, archive_bytes = kept
        await journal.mark(
            report, archive_id=archive_id, archive_bytes=archive_bytes, committed=True
        )
    if not journal.committed:
        await say(report, f"Asking {node.name} about the container.")
        await _bring_back(node, plan, journal, report)
        raise Interrupted("checkpoint")
    warnings = await _clean_up(node, plan, report)
    return _result(plan, journal, {}, warnings)


async def _checkpoint(
    node: NodeSession,
    plan: CheckpointPlan,
    near: SourceSide,
    store: Store,
    journal: CheckpointJournal,
    report: Report,
) -> dict[str, float]:
    """Do it again while Podman cuts the archive off. Raises CheckpointFailed when it always does.

    Podman 5.8.6 ends an export early, with status 0, when the container's log grows while it is
    being archived; a container that is left running goes on writing its log.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return await _attempt(node, plan, near, store, journal, report)
        except ArchiveCutOff as cut:
            name = near.source.container.name
            if attempt == _ATTEMPTS or not plan.options.leave_running:
                raise CheckpointFailed(
                    f"Podman did not write a whole archive of {name} on {node.name}.",
                    cause=f"{cut.problem.cause} It was tried {attempt} times.",
                    remedy="Podman does so when the container writes its log meanwhile: let it "
                    "stop for the checkpoint, or give it a log driver that keeps no file.",
                ) from cut
            told = f"Podman cut its archive off: {name} wrote its log meanwhile. Once more."
            await report.log(told, level="warning")
            await remove_staging(node, plan.folder)
            await make_staging(node, plan.folder)
    raise AssertionError("the last attempt returns or raises")


async def _attempt(
    node: NodeSession,
    plan: CheckpointPlan,
    near: SourceSide,
    store: Store,
    journal: CheckpointJournal,
    report: Report,
) -> dict[str, float]:
    container = near.source.container
    changes = await _changes(node, plan)
    incoming = store.receive()
    try:
        incoming.start_reading(Limits())
        await journal.mark(report, checkpoint_sent=True, archive_key=incoming.key)
        goes_on = "It runs on." if plan.options.leave_running else "It stops."
        told = f"Checkpointing {container.name} on {node.name}. {goes_on}"
        await report.log(told, phase="checkpoint")
        step, pid = await start_checkpoint(node, container, plan.options, plan.archive_path)
        statistics = await _receive(node, plan, near, incoming, step, pid, report)
        await _require_whole(incoming)
        await require_hash(node, plan.archive_path, incoming.facts().sha256)
        await uninterrupted(_keep(incoming, plan, near, changes, journal, report))
    except BaseException:
        if journal.archive_id is None:
            incoming.discard()
        raise
    return statistics


async def _require_whole(incoming: IncomingFile) -> None:
    """Raise ArchiveCutOff; whatever else is odd in an archive of our own is told beside it."""
    try:
        await incoming.contents()
    except ArchiveCutOff:
        raise
    except Exception:
        return


async def _receive(
    node: NodeSession,
    plan: CheckpointPlan,
    near: SourceSide,
    incoming: IncomingFile,
    step: RemoteStep,
    pid: int,
    report: Report,
) -> dict[str, float]:
    async with report.phase("transfer") as phase:
        receipt = Receipt(
            source=node,
            path=plan.archive_path,
            incoming=incoming,
            report=report,
            phase=phase,
            is_last_leg=True,
        )

        async def finish() -> dict[str, float]:
            async with report.phase("checkpoint"):
                total_bytes, statistics = await finish_checkpoint(
                    step, near.source.container, plan.archive_path, host=near.source.host
                )
            receipt.is_written(total_bytes)
            return statistics

        try:
            async with asyncio.TaskGroup() as together:
                statistics = together.create_task(finish())
                together.create_task(receipt.receive(pid))
        except BaseExceptionGroup as several:
            raise several.exceptions[0] from None
        return statistics.result()


async def _keep(
    incoming: IncomingFile,
    plan: CheckpointPlan,
    near: SourceSide,
    changes: dict[str, Any] | None,
    journal: CheckpointJournal,
    report: Report,
) -> None:
    # The container may be gone from its node: the row must not promise what the disk has not got.
    await asyncio.to_thread(incoming.sync)
    archive_id = await report.keep_archive(
        incoming,
        container=near.source.container,
        options=plan.options.as_dict(),
        versions=near.source.host.as_dict(),
        changes=changes,
    )
    await journal.mark(
        report, archive_id=archive_id, archive_bytes=incoming.size_bytes, committed=True
    )


async def _changes(node: NodeSession, plan: CheckpointPlan) -> dict[str, Any] | None:
    """Return what is added, changed and deleted; the archive tells only what is written."""
    try:
        return asdict(parse_diff((await node.run(diff_argv(plan.container_id))).stdout))
    except FerryError:
        # Nice to know, and no reason to do without the checkpoint.
        return None


async def _bring_back(
    node: NodeSession, plan: CheckpointPlan, journal: CheckpointJournal, report: Report
) -> None:
    if journal.checkpoint_sent and not journal.back_on_source:
        await say(report, f"Seeing to it that the container runs on {node.name}.", level="warning")
        with nothing_guessed(plan.operation_id):
            await until_answered(
                node, report, lambda: run_on_source(node, plan, report, journal.volumes)
            )
            await note(report, journal, back_on_source=True)
    await leave_no_staging(node, plan.folder, report)


async def _clean_up(node: NodeSession, plan: CheckpointPlan, report: Report) -> list[str]:
    async with report.phase("clean-up"):
        leftovers = await leave_no_staging(node, plan.folder, report)
        return [*await _look_after(node, plan), *leftovers]


async def _look_after(node: NodeSession, plan: CheckpointPlan) -> list[str]:
    """Return a warning if the container that was to run on does not."""
    if not plan.options.leave_running:
        return []
    try:
        container = await inspect_container(node, plan.container_id)
    except FerryError as error:
        return [f"Nobody has seen whether it runs on: {error}"]
    if container.running:
        return []
    return [f"{container.name} does not run any more: it ended with code {container.exit_code}."]


def _result(
    plan: CheckpointPlan,
    journal: CheckpointJournal,
    statistics: dict[str, float],
    warnings: list[str],
) -> CheckpointResult:
    if journal.archive_id is None:
        raise StateUnknown("The checkpoint ended, but its archive is not in the catalog.")
    return CheckpointResult(
        archive_id=journal.archive_id,
        archive_bytes=journal.archive_bytes,
        leave_running=plan.options.leave_running,
        statistics=statistics,
        warnings=warnings,
    )
