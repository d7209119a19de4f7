"""Find the memory of one process in an archive: which of its addresses lie where in its pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from nodes.catalog.errors import ArchiveUnreadable
from nodes.catalog.members import Member
from nodes.criu.images.errors import ImageUnreadable
from nodes.criu.images.memory import PAGE_BYTES, AddressSpace, read_address_space, read_pagemap
from nodes.problem import FerryError

# About 60 MiB; memory of 64 GiB whose every other page is missing would have 8 million.
_MOST_SEGMENTS: Final = 500_000
_MOST_MAPPINGS: Final = 65_536
_ADDRESSES: Final = 1 << 64
# After so many bytes at most, unpacked, somebody is asked whether to go on.
STEP_BYTES: Final = 256 * 1024


class NoMemory(FerryError):
    """The archive holds no memory of such a process."""

    code = "no_memory"

    def __init__(self, pid: int) -> None:
        super().__init__(
            f"The archive holds no memory of a process {pid}.",
            remedy="Choose a process from the archive's process tree. Kernel threads and "
            "processes that have ended but were not waited for have no memory.",
        )


class Segment(NamedTuple):
    """Memory without a gap: ``offset`` is where it begins in the process's pages-N.img."""

    address: int
    offset: int
    size_bytes: int


class ProcessPages(NamedTuple):
    # Forward only: the bytes of all segments, one after the other.
    member: Member
    segments: list[Segment]
    space: AddressSpace | None


def to_the_end() -> None:
    """Go on for as long as it takes."""


def find_pages(
    members: Iterator[Member], pid: int, *, check: Callable[[], None] = to_the_end
) -> ProcessPages:
    """Go on to the pages of a process. Raises NoMemory, ArchiveUnreadable, and what ``check`` does.

    ``check`` is called every STEP_BYTES: a few packed bytes may be very many unpacked ones.
    Podman exports the files in the order of their names: mm-, pagemap-, then pages-.
    """
    space: AddressSpace | None = None
    pages_name = ""
    segments: list[Segment] = []
    for member in members:
        try:
            if member.name == f"checkpoint/mm-{pid}.img":
                space, _ = read_address_space(member.read, _MOST_MAPPINGS)
            elif member.name == f"checkpoint/pagemap-{pid}.img":
                pages_id, segments = _read_segments(member, check)
                pages_name = f"checkpoint/pages-{pages_id}.img"
        except ImageUnreadable as error:
            cause = f"{member.name} cannot be read: {error.problem.cause}."
            raise ArchiveUnreadable(cause) from error
        if segments and member.name == pages_name:
            return ProcessPages(member, segments, space)
        while member.skip(STEP_BYTES):
            check()
    raise NoMemory(pid)


def _read_segments(member: Member, check: Callable[[], None]) -> tuple[int, list[Segment]]:
    def read(count: int) -> bytes:
        check()
        return member.read(count)

    pages_id, runs = read_pagemap(read)
    segments: list[Segment] = []
    offset = 0
    for run in runs:
        size_bytes = run.pages * PAGE_BYTES
        if run.address + size_bytes > _ADDRESSES:
            raise ArchiveUnreadable(f"{member.name} has pages beyond the end of all memory.")
        if not run.stored or not size_bytes:
            continue
        last = segments[-1] if segments else None
        if last is not None and last.address + last.size_bytes == run.address:
            segments[-1] = last._replace(size_bytes=last.size_bytes + size_bytes)
        else:
            segments.append(Segment(run.address, offset, size_bytes))
        if len(segments) > _MOST_SEGMENTS:
            raise ArchiveUnreadable(f"{member.name} has more than {_MOST_SEGMENTS} runs of pages.")
        offset += size_bytes
    return pages_id, segments
