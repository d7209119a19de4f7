"""Lay out the processes of an archive as a tree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from nodes.catalog.contents import Process, Thread
from nodes.catalog.index_command import CommandLine
from nodes.catalog.index_images import Images
from nodes.catalog.index_open_files import path_of
from nodes.criu.images.tasks import Places, Task, TreeEntry

_UNKNOWN = Task(name="", state="", uid=0, gid=0)
_NOWHERE = Places(cwd_id=0, root_id=0)


def processes_of(
    images: Images,
    commands: Mapping[int, CommandLine],
    first_command: Sequence[str],
) -> list[Process]:
    """Return the processes, parents before children.

    ``first_command`` stands in for that of PID 1 if its memory does not tell it.
    """
    return [
        _process(entry, depth, images, commands.get(entry.pid), first_command)
        for entry, depth in in_order(images.tree)
    ]


def in_order(tree: Sequence[TreeEntry]) -> Iterator[tuple[TreeEntry, int]]:
    """Yield each process once with its depth; one whose parents lead nowhere is a root too."""
    by_pid = {entry.pid: entry for entry in tree}
    children: dict[int, list[TreeEntry]] = {}
    for entry in by_pid.values():
        children.setdefault(entry.ppid, []).append(entry)
    roots = [entry for entry in by_pid.values() if entry.ppid not in by_pid]
    seen: set[int] = set()
    # After the roots whatever is its own ancestor, which no real tree has.
    for root in [*roots, *by_pid.values()]:
        waiting = [(root, 0)]
        while waiting:
            entry, depth = waiting.pop()
            if entry.pid in seen:
                continue
            seen.add(entry.pid)
            yield entry, depth
            waiting += [(child, depth + 1) for child in reversed(children.get(entry.pid, []))]


def _process(
    entry: TreeEntry,
    depth: int,
    images: Images,
    command: CommandLine | None,
    first_command: Sequence[str],
) -> Process:
    task = images.tasks.get(entry.pid, _UNKNOWN)
    places = images.places.get(entry.pid, _NOWHERE)
    space = images.spaces.get(entry.pid)
    words = command.words if command else []
    if not words:
        words = list(first_command) if entry.pid == 1 and first_command else [task.name]
    return Process(
        pid=entry.pid,
        ppid=entry.ppid,
        pgid=entry.pgid,
        sid=entry.sid,
        depth=depth,
        name=task.name,
        command=words,
        executable=path_of(images, space.executable_id) if space else "",
        working_directory=path_of(images, places.cwd_id),
        root=path_of(images, places.root_id),
        state=task.state,
        uid=task.uid,
        gid=task.gid,
        threads=[
            Thread(tid=tid, name=images.tasks.get(tid, task).name)
            for tid in entry.threads
            if tid in images.tasks or tid == entry.pid
        ],
        environment=command.environment if command else [],
    )
