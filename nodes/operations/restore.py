"""Restore an archive on a node, and see that what runs is what was moved."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from nodes.host.facts import HostFacts
from nodes.operations.again import again_when_lost
from nodes.operations.errors import RestoreFailed, VerifyFailed
from nodes.operations.failure import explain, explain_exit, facts_for_diagnosis
from nodes.operations.preflight import inspect_container
from nodes.operations.remote_step import RemoteStep
from nodes.operations.unpack_ahead import UnpackAhead
from nodes.podman.argv import (
    import_argv,
    restore_log_argv,
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
# As Podman 5.8.6 says that there is no such volume, or that somebody uses it.
_STAYS = re.compile("no such volume|is being used")


async def restore_archive(
    session: NodeSession,
    name: str,
    archive_path: PurePosixPath,
    options: RestoreOptions,
    *,
    host: HostFacts,
    container: str,
    step_name: str = STEP_NAME,
    around: Sequence[str] = (),
) -> str:
    """Restore from a file on the node; return what Podman says of it. Raises RestoreFailed.

    ``container`` is the ID or the name that it gets: one that fails is left there, with its log.
    ``around`` is what runs the command, as `nice` would.
    """
    step = RemoteStep(session=session, folder=archive_path.parent, name=step_name)
    await step.start([*around, *import_argv(archive_path, options)])
    done = await step.wait()
    if done.exit_status != 0:
        raise await explain(
            RestoreFailed,
            f"{name} could not be restored on {session.name}.",
            session,
            done,
            log_path=await _restore_log(session, container),
            facts=facts_for_diagnosis(session.name, host),
        )
    return done.stdout


async def _restore_log(session: NodeSession, container: str) -> str:
    # Podman 5.8.6 does not name it when an import fails.
    done = await session.run(restore_log_argv(container), check=False)
    return done.stdout.strip() if done.exit_status == 0 else ""


async def restore_unpacked(
    session: NodeSession,
    name: str,
    unpacked: UnpackAhead,
    options: RestoreOptions,
    host: HostFacts,
    container: str,
    around: Sequence[str] = (),
) -> dict[str, float] | None:
    """Restore from what was unpacked ahead; None means: try the whole archive.

    Raises RestoreFailed when the cause is known, for then the whole archive would fail too.
    """
    if not await again_when_lost(lambda: unpacked.is_done(session)):
        return None
    try:
        said = await restore_archive(
            session,
            name,
            unpacked.thin_path,
            options,
            host=host,
            container=container,
            step_name=UNPACKED_STEP_NAME,
            around=around,
        )
        return parse_statistics(said)
    except RestoreFailed as failure:
        if failure.diagnosed:
            raise
        return None


async def clear_volumes(session: NodeSession, volumes: Sequence[str]) -> list[str]:
    """Remove the volumes that a restore made; return those that cannot be removed now.

    Podman keeps one that a container uses: that is not left behind.
    """
    left = []
    for volume in volumes:
        done = await session.run(volume_remove_argv(volume), check=False)
        if done.exit_status != 0 and not _STAYS.search(done.stderr):
            left.append(volume)
    return left


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
    """Watch a restored container for a while, though the connection be lost; return warnings.

    Raises VerifyFailed when it exits, is started afresh, or processes are missing.
    """
    clock = asyncio.get_running_loop().time
    until = clock() + watch_window_s
    warnings = await again_when_lost(
        lambda: _compare_processes(session, container_id, expected, host)
    )
    while clock() < until:
        await asyncio.sleep(min(_LOOK_EVERY_S, max(until - clock(), 0)))
        await again_when_lost(lambda: require_restored(session, container_id, host))
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
