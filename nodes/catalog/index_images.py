"""Collect what CRIU's images of one archive say, in whatever order they come."""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from nodes.catalog.errors import ArchiveUnreadable
from nodes.catalog.index_budget import Budget
from nodes.criu.images.confinement import read_filters, read_mounts
from nodes.criu.images.entries import Read
from nodes.criu.images.errors import ImageUnreadable
from nodes.criu.images.memory import AddressSpace, PageRun, read_address_space, read_pagemap
from nodes.criu.images.open_files import (
    FileDescriptor,
    OpenFile,
    read_descriptors,
    read_files,
    read_memfd_names,
)
from nodes.criu.images.tasks import (
    Places,
    Task,
    TreeEntry,
    read_host_name,
    read_ids,
    read_node_namespaces,
    read_places,
    read_task,
    read_tree,
)
from nodes.criu.images.timings import read_dump_timings
from nodes.podman.image_privileges import Restored
from nodes.podman.namespace_privileges import NAMESPACES

# As CRIU itself writes numbers: one by another spelling it would not open.
_IMAGE: Final = re.compile(
    r"checkpoint/([a-z]+)(?:-(0|[1-9][0-9]{0,9}))?\.img|(?:checkpoint/)?(stats)-dump", re.ASCII
)
_WITHOUT_NUMBER: Final = frozenset(["inventory", "pstree", "files", "memfd", "seccomp", "stats"])
# What decides how a process is confined: unless it can be read, nothing can be said of that.
_DECISIVE: Final = frozenset(["inventory", "pstree", "core", "ids", "seccomp", "mountpoints"])
# Processes differ in few ways; a filter of each one's own is the most that Podman makes.
_MOST_ALIKE: Final = 8192
_MOST_REASONS: Final = 20


class Pagemap:
    """The runs of pages of one process, 17 bytes each."""

    def __init__(self) -> None:
        self._addresses = array("Q")
        self._pages = array("Q")
        self._stored = bytearray()

    def add(self, run: PageRun) -> None:
        self._addresses.append(run.address)
        self._pages.append(run.pages)
        self._stored.append(run.stored)

    def runs(self) -> Iterator[PageRun]:
        for address, pages, stored in zip(self._addresses, self._pages, self._stored, strict=True):
            yield PageRun(address, pages, bool(stored))


@dataclass
class Images:
    """By PID, but ``descriptors`` by the number of an fdinfo-N.img, ``files`` by that of a file.

    ``pids_by_pages`` tells whose a pages-N.img is.
    """

    budget: Budget
    tree: list[TreeEntry] = field(default_factory=list)
    tasks: dict[int, Task] = field(default_factory=dict)
    files_ids: dict[int, int] = field(default_factory=dict)
    places: dict[int, Places] = field(default_factory=dict)
    spaces: dict[int, AddressSpace] = field(default_factory=dict)
    pagemaps: dict[int, Pagemap] = field(default_factory=dict)
    pids_by_pages: dict[int, int] = field(default_factory=dict)
    descriptors: dict[int, list[FileDescriptor]] = field(default_factory=dict)
    files: dict[int, OpenFile] = field(default_factory=dict)
    memfd_names: dict[int, str] = field(default_factory=dict)
    host_name: str = ""
    timings: list[tuple[str, int, str]] = field(default_factory=list)
    # Without its inventory nothing can be restored.
    has_inventory: bool = False
    restored: Restored = field(default_factory=Restored)
    seen: set[tuple[str, int]] = field(default_factory=set)

    def take(self, name: str, read: Read) -> bool:
        """Read a member of the archive if it is an image that we know; return whether it is.

        One that cannot be read makes a note. Raises ArchiveUnreadable for one that is there twice.
        """
        found = _IMAGE.fullmatch(name)
        kind = (found[1] or found[3]) if found else ""
        reader = _READERS.get(kind)
        if found is None or reader is None or (found[2] is None) != (kind in _WITHOUT_NUMBER):
            return False
        number = int(found[2] or 0)
        if (kind, number) in self.seen:
            raise ArchiveUnreadable(f"{name} is there twice.")
        if found[2] and not self.budget.take("images of processes"):
            self._cannot_judge("there are too many images of processes")
            return True
        self.seen.add((kind, number))
        try:
            reader(self, read, number)
        except ImageUnreadable as error:
            self.budget.note(f"{name} could not be read: {error.problem.cause}.")
            if kind in _DECISIVE:
                self._cannot_judge(f"{name}: {error.problem.cause}")
        return True

    def _cannot_judge(self, why: str) -> None:
        if len(self.restored.unreadable) < _MOST_REASONS:
            self.restored.unreadable.append(why)

    def _take_inventory(self, read: Read, _number: int) -> None:
        self.has_inventory = True
        self.restored.node_namespaces = read_node_namespaces(read)

    def _take_tree(self, read: Read, _number: int) -> None:
        known: set[int] = set()
        for entry in read_tree(read):
            if entry.pid in known:
                raise ImageUnreadable(f"it has two processes {entry.pid}")
            if not self.budget.take("processes"):
                return
            known.add(entry.pid)
            if not self.budget.take("threads", len(entry.threads)):
                entry = replace(entry, threads=())
            self.tree.append(entry)

    def _take_task(self, read: Read, number: int) -> None:
        task, confinement = read_task(read)
        if confinement is not None:
            self.restored.threads.add(confinement)
        if len(self.restored.threads) > _MOST_ALIKE:
            self.restored.threads.clear()
            self._cannot_judge("its processes are confined in too many ways")
        self.tasks[number] = replace(task, name=self.budget.text(task.name))

    def _take_files_id(self, read: Read, number: int) -> None:
        self.files_ids[number], namespaces = read_ids(read)
        self.restored.namespaces |= {(name, namespaces.get(name, 0)) for name in NAMESPACES}
        if len(self.restored.namespaces) > _MOST_ALIKE:
            self.restored.namespaces.clear()
            self._cannot_judge("its processes are in too many namespaces")

    def _take_places(self, read: Read, number: int) -> None:
        self.places[number] = read_places(read)

    def _take_space(self, read: Read, number: int) -> None:
        space, left_out = read_address_space(read, self.budget.left("memory mappings"))
        self.budget.take("memory mappings", len(space.vmas) + left_out)
        self.spaces[number] = space

    def _take_pagemap(self, read: Read, number: int) -> None:
        pages_id, runs = read_pagemap(read)
        pagemap = self.pagemaps[number] = Pagemap()
        if self.pids_by_pages.setdefault(pages_id, number) != number:
            raise ImageUnreadable("its pages are those of another process")
        for run in runs:
            if not self.budget.take("runs of memory pages"):
                return
            pagemap.add(run)

    def _take_descriptors(self, read: Read, number: int) -> None:
        found = self.descriptors[number] = []
        for descriptor in read_descriptors(read):
            if not self.budget.take("descriptors"):
                return
            found.append(descriptor)
        found.sort()

    def _take_files(self, read: Read, _number: int) -> None:
        for file in read_files(read):
            if not self.budget.take("open files"):
                return
            self.files[file.file_id] = replace(file, path=self.budget.text(file.path))

    def _take_memfd_names(self, read: Read, _number: int) -> None:
        for inode_id, name in read_memfd_names(read):
            if not self.budget.take("open files"):
                return
            self.memfd_names[inode_id] = self.budget.text(name)

    def _take_filters(self, read: Read, _number: int) -> None:
        self.restored.filters = read_filters(read)

    def _take_mounts(self, read: Read, _number: int) -> None:
        for mount in read_mounts(read):
            texts = (mount.destination, mount.root, mount.source, mount.external)
            if not self.budget.take("mounts") or not self.budget.text("".join(texts)):
                self._cannot_judge("there are too many mounts")
                return
            self.restored.mounts.append(mount)

    def _take_host_name(self, read: Read, _number: int) -> None:
        self.host_name = read_host_name(read)

    def _take_timings(self, read: Read, _number: int) -> None:
        self.timings = read_dump_timings(read)


_READERS: Final[dict[str, Callable[[Images, Read, int], None]]] = {
    "inventory": Images._take_inventory,
    "pstree": Images._take_tree,
    "core": Images._take_task,
    "ids": Images._take_files_id,
    "fs": Images._take_places,
    "mm": Images._take_space,
    "pagemap": Images._take_pagemap,
    "fdinfo": Images._take_descriptors,
    "files": Images._take_files,
    "memfd": Images._take_memfd_names,
    "utsns": Images._take_host_name,
    "seccomp": Images._take_filters,
    "mountpoints": Images._take_mounts,
    "stats": Images._take_timings,
}
