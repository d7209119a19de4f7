"""Checkpoint a container on its node into a file in the operation's folder."""

from __future__ import annotations

from pathlib import PurePosixPath

from nodes.host.facts import HostFacts
from nodes.operations.errors import CheckpointFailed
from nodes.operations.failure import explain, facts_for_diagnosis
from nodes.operations.remote_step import RemoteStep
from nodes.operations.staging import file_size_bytes
from nodes.podman.argv import checkpoint_argv
from nodes.podman.containers import ContainerDetail
from nodes.podman.options import CheckpointOptions
from nodes.podman.statistics import parse_statistics
from nodes.ssh.session import NodeSession

STEP_NAME = "checkpoint"
# $1 is the file. It is there, empty, before Podman truncates and fills it, so that it can be
# followed from the start.
_TOUCH = 'umask 077; : > "$1"'


async def start_checkpoint(
    source: NodeSession,
    container: ContainerDetail,
    options: CheckpointOptions,
    archive_path: PurePosixPath,
) -> tuple[RemoteStep, int]:
    """Start it detached; return the step and Podman's PID on the node."""
    await source.run(["sh", "-c", _TOUCH, "touch", str(archive_path)])
    step = RemoteStep(session=source, folder=archive_path.parent, name=STEP_NAME)
    pid = await step.start(checkpoint_argv(container.podman_id, options, export=archive_path))
    return step, pid


async def finish_checkpoint(
    step: RemoteStep,
    container: ContainerDetail,
    archive_path: PurePosixPath,
    *,
    host: HostFacts,
) -> tuple[int, dict[str, float]]:
    """Wait for Podman; return the archive's size in bytes and CRIU's figures.

    Raises CheckpointFailed with the cause that CRIU's dump.log names.
    """
    done = await step.wait()
    if done.exit_status != 0:
        raise await explain(
            CheckpointFailed,
            f"The checkpoint of {container.name} failed on {step.session.name}.",
            step.session,
            done,
            log_path=container.checkpoint_log,
            facts=facts_for_diagnosis(step.session.name, host, container),
        )
    size_bytes = await file_size_bytes(step.session, archive_path)
    return size_bytes, parse_statistics(done.stdout)
