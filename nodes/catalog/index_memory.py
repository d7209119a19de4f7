"""Tell how the memory of each process is made up, and what of it lies in the archive."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from nodes.catalog.contents import MemoryMapping, MemoryPart, ProcessMemory
from nodes.catalog.index_images import Images, Pagemap
from nodes.catalog.index_mappings import access_of, is_guard, kind_of, path_of_mapping, size_of
from nodes.criu.images.errors import ImageUnreadable
from nodes.criu.images.memory import PAGE_BYTES, AddressSpace, Mapping

# Beyond every address.
_NO_RUN: Final = (1 << 80, 1 << 80)


def memory_of(images: Images) -> list[ProcessMemory]:
    """Return the memory of each process that has some, in the order of pstree.img."""
    found = []
    for entry in images.tree:
        space = images.spaces.get(entry.pid)
        if space is None:
            continue
        try:
            found.append(_memory(entry.pid, space, images))
        except ImageUnreadable as error:
            images.budget.note(f"mm-{entry.pid}.img could not be read: {error.problem.cause}.")
    return found


def _memory(pid: int, space: AddressSpace, images: Images) -> ProcessMemory:
    task, pagemap = images.tasks.get(pid), images.pagemaps.get(pid)
    mappings = sorted(found for found in space.mappings() if not is_guard(found))
    stored = list(_stored_in(mappings, pagemap)) if pagemap else [0] * len(mappings)
    parts: Counter[str] = Counter()
    listed: list[MemoryMapping] = []
    for mapping, stored_bytes in zip(mappings, stored, strict=True):
        kind = kind_of(mapping, space)
        parts[kind] += stored_bytes
        if images.budget.take("memory mappings in the list"):
            listed.append(
                MemoryMapping(
                    start=mapping.start,
                    end=mapping.end,
                    access=access_of(mapping),
                    kind=kind,
                    path=path_of_mapping(mapping, kind, images),
                    stored_bytes=stored_bytes,
                )
            )
    whole = sum(run.pages for run in pagemap.runs() if run.stored) * PAGE_BYTES if pagemap else 0
    parts["other"] += max(0, whole - sum(parts.values()))
    return ProcessMemory(
        pid=pid,
        name=task.name if task else "",
        mapped_bytes=sum(size_of(mapping) for mapping in mappings),
        stored_bytes=whole,
        parts=[
            MemoryPart(kind=kind, bytes=size_bytes)
            for kind, size_bytes in parts.most_common()
            if size_bytes
        ],
        mappings=listed,
    )


def _stored_in(mappings: Sequence[Mapping], pagemap: Pagemap) -> Iterator[int]:
    """Yield for each mapping, in order of address, how many of its bytes are in the archive."""
    runs = _disjoint(pagemap)
    address, end = next(runs, _NO_RUN)
    covered = 0
    for mapping in mappings:
        start = max(mapping.start, covered)
        covered = max(covered, mapping.end)
        stored_bytes = 0
        while address < mapping.end:
            stored_bytes += max(0, min(end, mapping.end) - max(address, start))
            if end > mapping.end:
                break
            address, end = next(runs, _NO_RUN)
        yield stored_bytes


def _disjoint(pagemap: Pagemap) -> Iterator[tuple[int, int]]:
    """Yield the stored runs as CRIU writes them, in order and apart; drop what is not."""
    after = 0
    for run in pagemap.runs():
        end = run.address + run.pages * PAGE_BYTES
        if run.stored and end > after:
            yield max(run.address, after), end
            after = end
