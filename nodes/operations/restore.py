"""Restore an archive on a node, and see that what runs is what was moved."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import PurePosixPath

from nodes.operations.errors import RestoreFailed, VerifyFailed
from nodes.operations.failure import explain
from nodes.operations.preflight import inspect_container
from nodes.operations.remote_step import RemoteStep
from nodes.podman.argv import import_argv
from nodes.podman.containers import ContainerDetail
from nodes.podman.options import RestoreOptions
from nodes.podman.processes import Process, parse_processes, processes_argv
from nodes.podman.statistics import parse_statistics
from nodes.ssh.session import NodeSession

STEP_NAME = "restore"
_LOOK_EVERY_S = 0.5


async def restore_archive(
    session: NodeSession, name: str, archive_path: PurePosixPath, options: RestoreOptions
) -> dict[str, float]:
    """Restore from a file on the node; return CRIU's figures. Raises RestoreFailed."""
    step = RemoteStep(session=session, folder=archive_path.parent, name=STEP_NAME)
    await step.start(import_argv(archive_path, options))
    done = await step.wait()
    if done.exit_status != 0:
        raise await explain(
            RestoreFailed, f"{name} could not be restored on {session.name}.", session, done
        )
    return parse_statistics(done.stdout)


async def require_running(session: NodeSession, container_id: str) -> ContainerDetail:
    """Return the container, or raise VerifyFailed when it does not run."""
    container = await inspect_container(session, container_id)
    if not container.running:
        raise _exited(session, container)
    return container


async def watch(
    session: NodeSession,
    container_id: str,
    expected: Sequence[Process],
    *,
    watch_window_s: float,
) -> list[str]:
    """Watch a restored container for a while; return warnings.

    Raises VerifyFailed when it exits or processes are missing.
    """
    clock = asyncio.get_running_loop().time
    until = clock() + watch_window_s
    warnings = await _compare_processes(session, container_id, expected)
    while clock() < until:
        await asyncio.sleep(min(_LOOK_EVERY_S, max(until - clock(), 0)))
        await require_running(session, container_id)
    return warnings


async def _compare_processes(
    session: NodeSession, container_id: str, expected: Sequence[Process]
) -> list[str]:
    done = await session.run(processes_argv(container_id), check=False)
    if done.exit_status != 0:
        await require_running(session, container_id)
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


def _exited(session: NodeSession, container: ContainerDetail) -> VerifyFailed:
    if container.exit_code == 0:
        return VerifyFailed(
            f"{container.name} exited with code 0 right after the restore on {session.name}.",
            cause="With the systemd cgroup manager the restored scope is cleaned up at once.",
            remedy=f'Set cgroup_manager = "cgroupfs" on {session.name}, then try again.',
        )
    return VerifyFailed(
        f"{container.name} is not running after the restore on {session.name}.",
        cause=f"State {container.state}, exit code {container.exit_code}.",
        remedy="Read the container's log and the operation's log, then try again.",
    )
