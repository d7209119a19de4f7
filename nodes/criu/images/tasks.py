"""Read the images of processes: the tree, and what a process and its threads are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from nodes.criu.images.confinement import (
    Confinement,
    Namespaces,
    confinement_of,
    namespaces_of,
)
from nodes.criu.images.entries import Read, first_entry, read_entries
from nodes.criu.images.errors import ImageUnreadable
from nodes.criu.images.text import as_text

# Beyond the most that a kernel gives one process by default, and what a page could list.
MOST_THREADS = 32768

# compel/include/uapi/task-state.h
_STATES: Final = {1: "alive", 2: "zombie", 3: "stopped", 6: "zombie"}
_ENDED: Final = (2, 6)


@dataclass(frozen=True, kw_only=True, slots=True)
class TreeEntry:
    pid: int
    ppid: int
    pgid: int
    sid: int
    threads: tuple[int, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """A process, or one of its threads: that has no state."""

    name: str
    state: str
    uid: int
    gid: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Places:
    """The numbers, in files.img, of the working directory and the root."""

    cwd_id: int
    root_id: int


def read_tree(read: Read) -> Iterator[TreeEntry]:
    """Yield the processes of pstree.img. Raises ImageUnreadable."""
    for entry in read_entries(read, "pstree"):
        yield TreeEntry(
            pid=entry.pid,
            ppid=entry.ppid,
            pgid=entry.pgid,
            sid=entry.sid,
            threads=tuple(entry.threads[:MOST_THREADS]),
        )


def read_task(read: Read) -> tuple[Task, Confinement | None]:
    """Return what core-PID.img says, and what confines it: nothing has to where it has ended.

    Raises ImageUnreadable.
    """
    entry = first_entry(read, "core")
    creds = entry.thread_core.creds
    task = Task(
        name=as_text(entry.tc.comm or entry.thread_core.comm),
        state=_STATES.get(entry.tc.task_state, ""),
        uid=creds.uid,
        gid=creds.gid,
    )
    return task, None if entry.tc.task_state in _ENDED else confinement_of(entry)


def read_ids(read: Read) -> tuple[int, Namespaces]:
    """Return which fdinfo-N.img belongs to the process of an ids-PID.img, and its namespaces."""
    entry = first_entry(read, "ids")
    return entry.files_id, namespaces_of(entry)


def read_node_namespaces(read: Read) -> Namespaces:
    """Return those that CRIU itself was in, by inventory.img. Raises ImageUnreadable."""
    entry = first_entry(read, "inventory")
    if not entry.HasField("root_ids"):
        raise ImageUnreadable("it does not tell the namespaces of the node")
    return namespaces_of(entry.root_ids)


def read_places(read: Read) -> Places:
    """Return what fs-PID.img says. Raises ImageUnreadable."""
    entry = first_entry(read, "fs")
    return Places(cwd_id=entry.cwd_id, root_id=entry.root_id)


def read_host_name(read: Read) -> str:
    """Return the name that utsns-N.img gives the container."""
    return as_text(first_entry(read, "utsns").nodename)
