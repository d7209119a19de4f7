"""Restore an archive on a node, and see that what runs is what was moved."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import PurePosixPath

from nodes.host.facts import HostFacts
from nodes.operations.container_asks import container_exists
from nodes.operations.errors import RestoreFailed, VerifyFailed
from nodes.operations.failure import explain, explain_exit, facts_for_diagnosis
from nodes.operations.preflight import inspect_container
from nodes.operations.remote_step import RemoteStep
from nodes.operations.unpack_ahead import UnpackAhead
from nodes.podman.argv import (
    import_argv,
    remove_argv,
    volume_remove_argv,
)
from nodes.podman.containers import ContainerDetail
from nodes.podman.options import RestoreOptions
from nodes.podman.processes import Process, parse_processes, processes_argv
from nodes.podman.statistics import parse_statistics
from nodes.ssh.session import NodeSession

STEP_NAME = "restore"
UNPACKED_STEP_NAME = "restore-unpacked"
_LOOK_EVERY_S = 0.5


async def restore_archive(
    session: NodeSession,
    name: str,
    archive_path: PurePosixPath,
    options: RestoreOptions,
    *,
    host: HostFacts,
    step_name: str = STEP_NAME,
) -> dict[str, float]:
    """Restore from a file on the node; return CRIU's figures. Raises RestoreFailed."""
    step = RemoteStep(session=session, folder=archive_path.parent, name=step_name)
    await step.start(import_argv(archive_path, options))
    done = await step.wait()
    if done.exit_status != 0:
        raise await explain(
            RestoreFailed,
            f"{name} could not be restored on {session.name}.",
            session,
            done,
            facts=facts_for_diagnosis(session.name, host),
        )
    return parse_statistics(done.stdout)


async def restore_unpacked(
    session: NodeSession,
    name: str,
    unpacked: UnpackAhead,
    options: RestoreOptions,
    host: HostFacts,
) -> dict[str, float] | None:
    """Restore from what was unpacked ahead; None means: try the whole archive.

    Raises RestoreFailed when the cause is known, for then the whole archive would fail too.
    """
    if not await unpacked.is_done(session):
        return None
    try:
        return await restore_archive(
            session, name, unpacked.thin_path, options, host=host, step_name=UNPACKED_STEP_NAME
        )
    except RestoreFailed as failure:
        if failure.diagnosed:
            raise
        return None


async def clear_container(session: NodeSession, container_id: str, volumes: Sequence[str]) -> bool:
    """Remove what a restore made; return whether there was a container.

    A restore that fails leaves a container in the state Created, and its volumes (Podman 5.8.6).
    """
    found = await container_exists(session, container_id)
    if found:
        await session.run(remove_argv(container_id))
    for volume in volumes:
        await session.run(volume_remove_argv(volume), check=False)
    return found


async def require_running(
    session: NodeSession, container_id: str, host: HostFacts | None = None
) -> ContainerDetail:
    """Return the container, or raise VerifyFailed with the reason when it does not run."""
    container = await inspect_container(session, container_id)
    if not container.running:
        what = f"ended with exit code {container.exit_code}"
        raise await _ended(session, container, host, what)
    return container


async def require_restored(
    session: NodeSession, container_id: str, host: HostFacts | None = None
) -> ContainerDetail:
    """Return an imported container, or raise VerifyFailed when the restored program does not run.

    A restart policy starts one that has ended afresh: it runs at every look, its memory lost.
    """
    container = await require_running(session, container_id, host)
    if container.restarts > 0:
        raise await _ended(session, container, host, "ended and was started afresh")
    return container


async def _ended(
    session: NodeSession, container: ContainerDetail, host: HostFacts | None, what: str
) -> VerifyFailed:
    return await explain_exit(
        VerifyFailed,
        f"{container.name} {what} right after the restore on {session.name}.",
        session,
        container,
        facts_for_diagnosis(session.name, host, container),
    )


async def watch(
    session: NodeSession,
    container_id: str,
    expected: Sequence[Process],
    *,
    host: HostFacts,
    watch_window_s: float,
) -> list[str]:
    """Watch a restored container for a while; return warnings.

    Raises VerifyFailed when it exits, is started afresh, or processes are missing.
    """
    clock = asyncio.get_running_loop().time
    until = clock() + watch_window_s
    warnings = await _compare_processes(session, container_id, expected, host)
    while clock() < until:
        await asyncio.sleep(min(_LOOK_EVERY_S, max(until - clock(), 0)))
        await require_restored(session, container_id, host)
    return warnings


async def _compare_processes(
    session: NodeSession, container_id: str, expected: Sequence[Process], host: HostFacts
) -> list[str]:
    done = await session.run(processes_argv(container_id), check=False)
    if done.exit_status != 0:
        await require_running(session, container_id, host)
        return [f"The processes could not be listed: {done.stderr.strip()}"]
    found = {(process.pid, process.command) for process in parse_processes(done.stdout)}
    wanted = {(process.pid, process.command) for process in expected}
    if wanted and not wanted & found:
        raise VerifyFailed(
            f"None of the processes of {container_id[:12]} came back on {session.name}.",
            cause=f"expected {sorted(wanted)}, found {sorted(found)}",
            remedy="Read the operation's log, then try again.",
        )
    # Short-lived children come and go between the two looks: worth a word, not a rollback.
    return [f"Process {pid} ({command}) is not there any more." for pid, command in wanted - found]
