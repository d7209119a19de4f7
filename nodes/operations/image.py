"""Copy a container's image to the destination by its ID, before anything is frozen."""

from __future__ import annotations

from nodes.operations.again import again_when_lost
from nodes.operations.errors import TransferFailed
from nodes.operations.migration_plan import Surroundings
from nodes.operations.report import Phase, Report
from nodes.podman import argv
from nodes.ssh.errors import NodeUnreachable
from nodes.ssh.session import NodeSession


async def ensure_image(
    source: NodeSession, destination: NodeSession, near: Surroundings, report: Report
) -> None:
    """Leave the image with the very same ID on the destination, or raise TransferFailed."""
    if near.destination.has_image:
        await report.skip("image", "The destination has the image.")
        return
    container = near.source.container
    # Under another ID the name belongs to somebody else there and must not be taken away.
    taken = bool(near.destination.image_id_of_name)
    reference = container.image_id if taken else await _name_or_id(source, near)
    async with report.phase("image") as phase:
        await report.log(f"Copying image {reference} to {destination.name}.")

        async def told(lost: NodeUnreachable, wait_s: float) -> None:
            again = f"The image is copied once more, from its start, in {wait_s:.1f} s."
            await report.log(f"{lost} {again}", level="warning")

        # Podman saves into a pipe and loads from one: there is no offset to go on at.
        await again_when_lost(lambda: _copy(source, destination, reference, phase), told=told)
        done = await destination.run(argv.image_exists_argv(container.image_id), check=False)
        if done.exit_status != 0:
            raise TransferFailed(
                f"The image arrived on {destination.name} under another ID.",
                cause=f"{container.image_id} is not there after podman load.",
                remedy="Copy the image by hand with podman save and podman load, then try again.",
            )


async def _name_or_id(source: NodeSession, near: Surroundings) -> str:
    container = near.source.container
    wanted = ["podman", "image", "inspect", "--format", "{{.Id}}", "--", container.image_name]
    done = await source.run(wanted, check=False)
    same = done.exit_status == 0 and done.stdout.strip() == container.image_id
    return container.image_name if same else container.image_id


async def _copy(
    source: NodeSession, destination: NodeSession, reference: str, phase: Phase
) -> None:
    done_bytes = 0
    async with destination.write(argv.image_load_argv()) as writer:
        async for chunk in source.read(argv.image_save_argv(reference)):
            await writer.write(chunk)
            done_bytes += len(chunk)
            await phase.progress(done_bytes, None)
