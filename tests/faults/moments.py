"""The moments of a migration at which it is struck, and what makes each of them last."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.faults.gates import Gate
from tests.faults.holds import Hold, Narrow, Stop, writes_archive, writes_images
from tests.lab import Host


@dataclass(frozen=True, kw_only=True)
class Moment:
    """One row of the matrix; ``hold`` is made for source, destination and the struck side."""

    name: str
    phase: str
    says: str
    hold: Callable[[Host, Host, str], Hold]
    # The container's processes are gone from the source.
    frozen: bool = True
    committed: bool = False


def _no_hold(source: Host, destination: Host, side: str) -> Hold:
    raise NotImplementedError("nothing strikes an unharmed migration")


# What a migration that nobody strikes is judged by.
UNHARMED = Moment(name="unharmed", phase="", says="", hold=_no_hold)


def _preflight(source: Host, destination: Host, side: str) -> Hold:
    if side.startswith("source"):
        return Gate(host=source, program="podman", when="before", words="container top")
    return Gate(host=destination, program="podman", when="before", words="network ls")


def _image(source: Host, destination: Host, side: str) -> Hold:
    if side.startswith("source"):
        return Gate(host=source, program="podman", when="before", words="save")
    return Gate(host=destination, program="podman", when="before", words="load")


def _transfer(source: Host, destination: Host, side: str) -> Hold:
    if side == "source-podman":
        return Stop(host=source, name="podman", half_way=writes_archive)
    return Narrow(host=source if side == "source" else destination)


MOMENTS = [
    Moment(
        name="preflight",
        phase="preflight",
        says="a question to a node is under way",
        hold=_preflight,
        frozen=False,
    ),
    Moment(
        name="image",
        phase="image",
        says="the image is being copied",
        hold=_image,
        frozen=False,
    ),
    Moment(
        name="checkpoint",
        phase="checkpoint",
        says="CRIU is writing the container's memory",
        hold=lambda source, destination, side: Stop(
            host=source, name="criu", half_way=writes_images
        ),
        frozen=False,
    ),
    Moment(
        name="dumped",
        phase="checkpoint",
        says="CRIU has dumped it, Podman knows nothing of that yet",
        hold=lambda source, destination, side: Gate(
            host=source, program="runc", when="after", words="checkpoint"
        ),
    ),
    Moment(
        name="transfer",
        phase="transfer",
        says="the archive is on its way",
        hold=_transfer,
    ),
    Moment(
        name="restore",
        phase="restore",
        says="CRIU is restoring it",
        hold=lambda source, destination, side: Stop(
            host=destination, name="criu", half_way=writes_images
        ),
    ),
    Moment(
        name="restored",
        phase="restore",
        says="it runs on the destination, Podman knows nothing of that yet",
        hold=lambda source, destination, side: Gate(
            host=destination, program="runc", when="after", words="restore"
        ),
    ),
    Moment(
        name="verify",
        phase="verify",
        says="it runs on the destination and is being watched",
        hold=lambda source, destination, side: Gate(
            host=destination, program="podman", when="before", words="container top"
        ),
    ),
    Moment(
        name="clean-up",
        phase="clean-up",
        says="the source's container is about to be removed",
        hold=lambda source, destination, side: Gate(
            host=source, program="podman", when="before", words="rm"
        ),
        committed=True,
    ),
]
