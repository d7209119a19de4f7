"""Restore an archive of the catalog on a node; the archive stays."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path, PurePosixPath

from nodes.operations import restore_preflight
from nodes.operations.delivery import Delivery, WholeFile
from nodes.operations.errors import RestoreFailed, TransferFailed, VolumeAppeared
from nodes.operations.image import ensure_image
from nodes.operations.quietly import leave_no_staging, say
from nodes.operations.recover import Interrupted
from nodes.operations.remote_hash import require_hash
from nodes.operations.report import Report
from nodes.operations.restore import require_restored, restore_archive, watch
from nodes.operations.restore_checks import stopped_original, takes_new_address
from nodes.operations.restore_plan import (
    RestoreJournal,
    RestorePlan,
    RestoreResult,
    RestoreSurroundings,
)
from nodes.operations.restore_preflight import Fleet
from nodes.operations.staging import make_staging
from nodes.operations.take_back_restore import listed_containers, take_back
from nodes.podman import argv
from nodes.podman.statistics import parse_statistics, restored_id
from nodes.ssh.session import NodeSession
from nodes.uninterrupted import uninterrupted

PHASES = ("preflight", "image", "transfer", "restore", "verify", "clean-up")
# Opens a session with the node of that name.
OpenNode = Callable[[str], AbstractAsyncContextManager[NodeSession]]
_READ_BYTES = 1024 * 1024
_RUNNING_POD = ("Running", "Degraded")


async def restore_from_archive(
    node: NodeSession, plan: RestorePlan, fleet: Fleet, open_node: OpenNode, report: Report
) -> RestoreResult:
    """Restore one archive, leaving a running container or nothing.

    Raises PreflightFailed before anything changes. Any other WorkflowError, a lost node and
    cancellation leave nothing of it on the node; StateUnknown says that the node cannot be asked.
    """
    near = await restore_preflight.require(node, plan, fleet, report)
    # Of an attempt before this one: what that removed for this is removed all the same.
    replaced = RestoreJournal.parse(await report.journal()).replaced
    journal = _new_journal(plan, near, replaced)
    try:
        await _bring_image(node, near, open_node, report)
        await make_staging(node, plan.folder)
        await _deliver(node, plan, report)
        await _make_way(node, plan, near, journal, report)
        statistics = await _restore(node, plan, near, journal, report)
        warnings = await _verify(node, plan, near, journal, report)
        await uninterrupted(journal.mark(report, committed=True))
    except BaseException:
        if report.is_given_away:
            raise
        await uninterrupted(take_back(node, plan.operation_id, plan.folder, journal, report))
        raise
    leftovers = await uninterrupted(_clean_up(node, plan.folder, report))
    return _result(journal, statistics, warnings + leftovers)


async def recover_restore(
    node: NodeSession, operation_id: int, folder: PurePosixPath, report: Report
) -> RestoreResult:
    """Finish a restore that had been verified; take any other back and raise Interrupted."""
    journal = RestoreJournal.parse(await report.journal())
    if not journal.committed:
        await say(report, f"Asking {node.name} about the container.")
        await take_back(node, operation_id, folder, journal, report)
        raise Interrupted("restore")
    return _result(journal, {}, await _clean_up(node, folder, report))


def _new_journal(plan: RestorePlan, near: RestoreSurroundings, replaced: str) -> RestoreJournal:
    container = near.source.container
    return RestoreJournal(
        wanted_name=container.name,
        wanted_id=container.podman_id,
        image_id=container.image_id,
        replaced=replaced,
        idle_pod="" if near.pod_state in _RUNNING_POD else plan.options.pod,
        archive_bytes=plan.size_bytes,
    )


async def _bring_image(
    node: NodeSession, near: RestoreSurroundings, open_node: OpenNode, report: Report
) -> None:
    if near.destination.has_image:
        await report.skip("image", f"{node.name} has the image.")
        return
    async with open_node(near.image_node) as source:
        await ensure_image(source, node, near, report)


async def _deliver(node: NodeSession, plan: RestorePlan, report: Report) -> None:
    async with report.phase("transfer") as phase:
        # Somebody has agreed to these bytes, and CRIU trusts them blindly.
        if await asyncio.to_thread(_sha256, plan.path) != plan.sha256:
            raise TransferFailed(
                f"The file of {plan.archive_name} is not what came into the catalog.",
                cause="Its sha256 has changed.",
                remedy="Verify the archive; take another one.",
            )
        await Delivery(
            destination=node,
            path=plan.archive_path,
            report=report,
            cargo=WholeFile(path=plan.path, size_bytes=plan.size_bytes),
            phase=phase,
            total_bytes=lambda: plan.size_bytes,
        ).deliver()
        await require_hash(node, plan.archive_path, plan.sha256)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_READ_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


async def _make_way(
    node: NodeSession,
    plan: RestorePlan,
    near: RestoreSurroundings,
    journal: RestoreJournal,
    report: Report,
) -> None:
    """Note what is there, then remove the stopped container that is to be replaced.

    Raises VolumeAppeared.
    """
    # Since preflight somebody may have made one: what is taken back must not be theirs.
    there = set((await node.run(argv.volume_names_argv())).stdout.split())
    wanted = near.source.container.volumes
    if not plan.options.ignore_volumes and (appeared := sorted(there & set(wanted))):
        raise VolumeAppeared(node.name, appeared)
    original = stopped_original(near, plan) if plan.options.replace else None
    if original is not None:
        await report.log(f"Removing the stopped container {original.name} from {node.name}.")
        await journal.mark(report, replaced=original.podman_id)
        # Podman refuses to remove one that runs, should somebody have started it.
        await node.run(argv.remove_stopped_argv(original.podman_id))
    await journal.mark(
        report,
        present=[each.podman_id for each in await listed_containers(node)],
        new_volumes=[name for name in wanted if name not in there],
    )


async def _restore(
    node: NodeSession,
    plan: RestorePlan,
    near: RestoreSurroundings,
    journal: RestoreJournal,
    report: Report,
) -> dict[str, float]:
    container = near.source.container
    options = plan.options
    if takes_new_address(near, plan):
        options = replace(options, ignore_static_ip=True)
    async with report.phase("restore"):
        await journal.mark(report, restore_sent=True)
        said = await restore_archive(
            node,
            container.name,
            plan.archive_path,
            options,
            host=near.host,
            container=container.podman_id or container.name,
        )
        made = restored_id(said)
        if not made:
            raise RestoreFailed(
                f"Podman does not say what it restored on {node.name}.",
                cause=said[:200],
                remedy="Look at the node, then try again.",
            )
        await journal.mark(report, container_id=made)
        # From here on nobody else may begin anything with it.
        await report.container_is(made)
        await require_restored(node, made, near.host)
    await report.log(f"{container.name} runs on {node.name}.")
    return parse_statistics(said)


async def _verify(
    node: NodeSession,
    plan: RestorePlan,
    near: RestoreSurroundings,
    journal: RestoreJournal,
    report: Report,
) -> list[str]:
    async with report.phase("verify"):
        warnings = await watch(
            node,
            journal.container_id,
            near.source.processes,
            host=near.host,
            watch_window_s=plan.watch_window_s,
        )
    for text in warnings:
        await report.log(text, level="warning")
    return warnings


async def _clean_up(node: NodeSession, folder: PurePosixPath, report: Report) -> list[str]:
    async with report.phase("clean-up"):
        return await leave_no_staging(node, folder, report)


def _result(
    journal: RestoreJournal, statistics: dict[str, float], warnings: list[str]
) -> RestoreResult:
    return RestoreResult(
        container_id=journal.container_id,
        container_name=journal.wanted_name,
        archive_bytes=journal.archive_bytes,
        statistics=statistics,
        warnings=warnings,
    )
