"""Remove what a restore from the catalog made on its node, and nothing of anybody else."""

from __future__ import annotations

from pathlib import PurePosixPath

from nodes.operations.quietly import leave_no_staging, note, say
from nodes.operations.remote_step import RemoteStep
from nodes.operations.remove_container import remove_container
from nodes.operations.report import Report
from nodes.operations.restore import STEP_NAME
from nodes.operations.restore_plan import RestoreJournal
from nodes.operations.way_back import nothing_guessed, until_answered
from nodes.podman import argv
from nodes.podman.containers import ListedContainer, parse_containers
from nodes.podman.statistics import restored_id
from nodes.ssh.session import NodeSession

# $1 is a container. An import leaves CRIU's images in its folder until it has succeeded, and a
# container that it made and could not start was never started.
_IS_HALF_RESTORED = """
set -eu
folder=$(podman container inspect --format '{{.StaticDir}}' -- "$1")
[ -e "$folder/checkpoint/inventory.img" ] && exit 0
[ "$(podman container inspect --format '{{.State.Status}}' -- "$1")" = created ]
"""
# $1 is the mark of the step's begin, $2 a volume. Both times are the node's.
_REMOVE_NEWER_VOLUME = """
[ -e "$1" ] || exit 0
made=$(podman volume inspect --format '{{.CreatedAt.UnixNano}}' -- "$2" 2>/dev/null) || exit 0
begun=$(stat --format=%.9Y -- "$1" | tr -d .)
[ "$made" -ge "$begun" ] || exit 0
podman volume rm -- "$2"
"""


async def take_back(
    node: NodeSession,
    operation_id: int,
    folder: PurePosixPath,
    journal: RestoreJournal,
    report: Report,
) -> None:
    """Leave nothing of the restore on the node. Raises StateUnknown when it cannot be asked."""
    if journal.restore_sent and not journal.cleared:
        await say(report, f"Removing what was restored on {node.name}.", level="warning")
        with nothing_guessed(operation_id):
            await until_answered(node, report, lambda: _clear(node, folder, journal))
    await note(report, journal, cleared=True)
    await leave_no_staging(node, folder, report)


async def listed_containers(node: NodeSession) -> list[ListedContainer]:
    return parse_containers((await node.run(argv.ps_argv())).stdout)


async def _clear(node: NodeSession, folder: PurePosixPath, journal: RestoreJournal) -> None:
    step = RemoteStep(session=node, folder=folder, name=STEP_NAME)
    made = journal.container_id
    if await step.forbid():
        made = made or restored_id((await step.wait()).stdout)
    elif not made:
        return
    listed = await listed_containers(node)
    for container in listed:
        if container.podman_id in journal.present:
            continue
        if await _is_ours(node, container, journal, made):
            await remove_container(node, container.podman_id)
    # An import that failed may be unknown to Podman and still have left something.
    ours = {made, journal.wanted_id} - {"", *journal.present}
    for container_id in ours - {container.podman_id for container in listed}:
        await remove_container(node, container_id)
    begun = str(folder / f"{STEP_NAME}.begun" / "boot")
    for volume in journal.new_volumes:
        # Podman refuses to remove a volume that a container uses.
        await node.run(
            ["sh", "-c", _REMOVE_NEWER_VOLUME, "remove-volume", begun, volume], check=False
        )
    if journal.idle_pod:
        await node.run(argv.pod_stop_argv(journal.idle_pod), check=False)


async def _is_ours(
    node: NodeSession, container: ListedContainer, journal: RestoreJournal, made: str
) -> bool:
    if made or journal.wanted_id:
        return container.podman_id in (made, journal.wanted_id)
    # A clone whose import failed: nobody has said which ID it got. Somebody else may have taken
    # its name meanwhile.
    if container.name != journal.wanted_name or container.image_id != journal.image_id:
        return False
    asked = ["sh", "-c", _IS_HALF_RESTORED, "half-restored", container.podman_id]
    return (await node.run(asked, check=False)).exit_status == 0
