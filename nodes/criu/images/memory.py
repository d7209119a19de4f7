"""Read the images of memory: mappings, and which pages of them are in the archive."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from nodes.criu.images.entries import Read, first_entry, parse_message, read_entries
from nodes.criu.images.errors import ImageUnreadable

PAGE_BYTES: Final = 4096

# criu/include/pagemap.h
_PARENT, _PRESENT = 1, 4
_VMA_BYTES = 256


class Mapping(NamedTuple):
    start: int
    end: int
    # Of a file its number in files.img, of shared memory the number of its pagemap-shmem-N.img.
    shmid: int
    prot: int
    flags: int
    status: int


class PageRun(NamedTuple):
    """Pages beside each other; ``stored`` if their bytes are next in pages-N.img."""

    address: int
    pages: int
    stored: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class AddressSpace:
    start_stack: int
    heap: range
    arguments: range
    environment: range
    executable_id: int
    # Mappings as they lie in the image: a tenth of the memory.
    vmas: tuple[bytes, ...]

    def mappings(self) -> Iterator[Mapping]:
        """Yield the mappings. Raises ImageUnreadable."""
        for payload in self.vmas:
            vma = parse_message("vma", payload)
            yield Mapping(vma.start, vma.end, vma.shmid, vma.prot, vma.flags, vma.status)


def read_address_space(read: Read, most_mappings: int) -> tuple[AddressSpace, int]:
    """Return what mm-PID.img says, and how many mappings there are beyond the most.

    Raises ImageUnreadable.
    """
    mm = first_entry(read, "mm")
    vmas = tuple(mm.vmas[:most_mappings])
    if any(len(vma) > _VMA_BYTES for vma in vmas):
        raise ImageUnreadable(f"a mapping takes more than {_VMA_BYTES} bytes")
    space = AddressSpace(
        start_stack=mm.start_stack,
        heap=range(mm.start_brk, mm.brk),
        arguments=range(mm.arg_start, mm.arg_end),
        environment=range(mm.env_start, mm.env_end),
        executable_id=mm.exe_file_id,
        vmas=vmas,
    )
    return space, len(mm.vmas) - len(vmas)


def read_pagemap(read: Read) -> tuple[int, Iterator[PageRun]]:
    """Return the N of the pages-N.img that a pagemap is about, and its runs.

    Raises ImageUnreadable, also while the runs are read.
    """
    entries = read_entries(read, "pagemap")
    head = next(entries, None)
    if head is None:
        raise ImageUnreadable("a pagemap without a head")
    return head.pages_id, (
        PageRun(
            entry.vaddr,
            # Before CRIU 4.0 only the first of them was there.
            entry.nr_pages or entry.compat_nr_pages,
            _is_stored(entry.flags if entry.HasField("flags") else None, entry.in_parent),
        )
        for entry in entries
    )


def _is_stored(flags: int | None, in_parent: bool) -> bool:
    # An image without flags, of an old CRIU, has all pages that are not in its parent.
    if flags is None:
        return not in_parent
    return bool(flags & _PRESENT) and not flags & _PARENT and not in_parent
