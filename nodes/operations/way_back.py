"""Have a container run on its own node again after a checkpoint that led nowhere.

It is restored from the files that the checkpoint left with it (field note 5), or from its archive
when Podman removed it (--rm).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Protocol

from nodes.operations.checkpoint import STEP_NAME as CHECKPOINT_STEP
from nodes.operations.container_asks import container_exists
from nodes.operations.errors import (
    EndedMeanwhile,
    RollbackFailed,
    StartedAfresh,
    StateUnknown,
)
from nodes.operations.failure import explain, explain_exit, facts_for_diagnosis
from nodes.operations.preflight import inspect_container
from nodes.operations.quietly import say
from nodes.operations.remote_step import RemoteStep
from nodes.operations.report import Report, require_ours
from nodes.operations.staging import file_size_bytes
from nodes.podman import argv
from nodes.podman.containers import ContainerDetail
from nodes.podman.options import RestoreOptions
from nodes.ssh.errors import CommandTimedOut, NodeUnreachable, SshError
from nodes.ssh.session import Completed, NodeSession

logger = logging.getLogger(__name__)
_ASK_EVERY_S = 2.0
# As Podman, and the clean-up that conmon starts, leave it when they are killed during an export:
# Podman 5.8.6 restores only what is "exited".
_NOT_CLEANED_UP = "stopped"
# A dump that hangs is not killed, for that is not measured: nobody knows, and says so.
_DUMP_WITHIN_S = 1800.0
# $1 is the mark of the step's begin, $2 the container. Only what was dumped since, from a program
# that nobody has started since, is the state that the operation took. All times are the node's.
_OWN_DUMP = """
set -eu
[ -e "$1" ] || exit 0
folder=$(podman container inspect --format '{{.StaticDir}}' -- "$2")
started=$(podman container inspect --format '{{.State.StartedAt.Unix}}' -- "$2")
[ "$folder/checkpoint/inventory.img" -nt "$1" ] || exit 0
[ "$started" -le "$(stat --format=%Y -- "$1")" ] || exit 0
echo own
"""
# $1 is the mark of the step's begin, $2 the container. A dump that failed leaves images too, as on
# a full disk, and the program then goes on from where it was: only a start since tells.
_STARTED_BESIDE_ITS_DUMP = """
set -eu
[ -e "$1" ] || exit 0
folder=$(podman container inspect --format '{{.StaticDir}}' -- "$2")
started=$(podman container inspect --format '{{.State.StartedAt.UnixNano}}' -- "$2")
[ "$folder/checkpoint/inventory.img" -nt "$1" ] || exit 0
[ "$started" -gt "$(stat --format=%.9Y -- "$1" | tr -d .)" ] && echo afresh
exit 0
"""


class Frozen(Protocol):
    """A plan whose container was checkpointed; ``way_back`` are the options of its restore."""

    @property
    def leaves_running(self) -> bool: ...

    @property
    def container_id(self) -> str: ...

    @property
    def folder(self) -> PurePosixPath: ...

    @property
    def archive_path(self) -> PurePosixPath: ...

    @property
    def way_back(self) -> RestoreOptions: ...


@contextmanager
def nothing_guessed(operation_id: int) -> Iterator[None]:
    """Tell any error that leaves it open where the container runs as StateUnknown."""
    try:
        yield
    except (RollbackFailed, StateUnknown):
        raise
    except Exception as error:
        logger.exception("rollback of operation %s", operation_id)
        raise StateUnknown(
            "The rollback itself failed, so nobody has seen where the container runs.",
            cause=f"{type(error).__name__}: {error}",
            remedy="Choose Look again. Until then start nothing by hand.",
        ) from error


async def until_answered(
    session: NodeSession, report: Report, ask: Callable[[], Awaitable[object]]
) -> None:
    """Ask a node until it answers. Raises StateUnknown when it does not for long enough."""
    clock = asyncio.get_running_loop().time
    until = clock() + report.ask_for_s
    while True:
        require_ours(report)
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


async def run_on_source(
    source: NodeSession,
    plan: Frozen,
    report: Report,
    volumes: Sequence[str],
    around: Sequence[str] = (),
) -> bool:
    """Leave the container running on its node, and tell whether it had to be restored for that.

    ``volumes`` are the names of those that it had; ``around`` is what runs the command that
    restores it, as `nice` would.

    Raises RollbackFailed, EndedMeanwhile and what the node says.
    """
    step = RemoteStep(session=source, folder=plan.folder, name=CHECKPOINT_STEP)
    whole = False
    if await step.forbid():
        if await file_size_bytes(source, plan.archive_path) > 0:
            # The dump is done and the export under way. Podman killed here leaves a container
            # that can be restored (field note 5); killed while dumping it is not measured.
            await step.terminate()
        whole = (await step.wait(_DUMP_WITHIN_S)).exit_status == 0
    if await container_exists(source, plan.container_id):
        return await _run_in_place(source, plan, report, around)
    if not whole:
        raise RollbackFailed(
            f"The container is gone from {source.name} and its archive is not whole.",
            cause="Podman removed it, as it does with --rm containers.",
            remedy=f"Look into {plan.folder} on {source.name}: what was exported is kept there.",
        )
    require_ours(report)
    await _import_on_source(source, plan, volumes, around)
    return True


async def _run_in_place(
    source: NodeSession, plan: Frozen, report: Report, around: Sequence[str]
) -> bool:
    container = await inspect_container(source, plan.container_id)
    begun = str(plan.folder / f"{CHECKPOINT_STEP}.begun" / "boot")
    if container.running:
        if not plan.leaves_running:
            await _require_not_afresh(source, container, begun)
        await say(report, f"{container.name} runs on {source.name}.")
        return False
    asked = ["sh", "-c", _OWN_DUMP, "own-dump", begun, plan.container_id]
    if plan.leaves_running or (await source.run(asked)).stdout.strip() != "own":
        # Files of an earlier checkpoint may lie there: its memory is not what the container had.
        raise EndedMeanwhile(container.name, source.name, container.exit_code)
    if container.state == _NOT_CLEANED_UP:
        await source.run(argv.cleanup_argv(plan.container_id))
    require_ours(report)
    done = await source.run(
        [*around, *argv.restore_in_place_argv(plan.container_id, plan.way_back)],
        check=False,
        timeout_s=3600,
    )
    await _require_back(source, plan, done, container)
    return True


async def _require_not_afresh(source: NodeSession, container: ContainerDetail, begun: str) -> None:
    """Raise StartedAfresh when it runs beside its own dump: a restore would have used that up."""
    asked = ["sh", "-c", _STARTED_BESIDE_ITS_DUMP, "started", begun, container.podman_id]
    if (await source.run(asked)).stdout.strip() == "afresh":
        raise StartedAfresh(container.name, source.name)


async def _import_on_source(
    source: NodeSession, plan: Frozen, volumes: Sequence[str], around: Sequence[str]
) -> None:
    # Podman removed the container with its anonymous volumes, but not the named ones: those are
    # the newer copy, and an import fails where they exist. Preflight refuses both kinds together.
    there = (await source.run(argv.volume_names_argv())).stdout.split()
    options = replace(
        plan.way_back,
        ignore_volumes=bool(set(volumes) & set(there)),
        # Its address is its own again.
        ignore_static_ip=False,
        ignore_static_mac=False,
    )
    done = await source.run(
        [*around, *argv.import_argv(plan.archive_path, options)], check=False, timeout_s=3600
    )
    await _require_back(source, plan, done, None)


async def _require_back(
    source: NodeSession, plan: Frozen, done: Completed, before: ContainerDetail | None
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
    if before is not None and (await inspect_container(source, plan.container_id)).running:
        # Another process was quicker.
        return
    raise await explain(
        RollbackFailed,
        f"{name} could not be brought back on {source.name}: it is stopped there.",
        source,
        done,
        log_path=before.restore_log if before else "",
    )
