"""Make a list of changed files a tree of folders, with what lies in each of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

# A template goes down one include for each level; what lies deeper keeps its slashes.
MOST_DEPTH = 12
MOST_ROWS = 800


@dataclass(kw_only=True)
class Leaf:
    """A changed file, link or device, or a folder with nothing changed in it."""

    name: str
    entry: Mapping[str, Any]
    change: str


@dataclass(kw_only=True)
class Folder:
    name: str
    path: str
    # Of the folder itself, "" if only what is in it has changed.
    change: str = ""
    folders: dict[str, Folder] = field(default_factory=dict)
    leaves: list[Leaf] = field(default_factory=list)
    # Of everything below it.
    size_bytes: int = 0
    changes: int = 0
    # Whether its content is on this page, or has to be asked for.
    is_shown: bool = False
    # How many of its leaves are not.
    left_out: int = 0

    @property
    def sorted_folders(self) -> list[Folder]:
        """Return the largest first: they are what a person looks for."""
        return sorted(self.folders.values(), key=lambda folder: (-folder.size_bytes, folder.name))


def folder_tree(
    entries: Iterable[Mapping[str, Any]],
    exact_changes: Mapping[str, str],
    *,
    below: str = "/",
    search: str = "",
    most: int = MOST_ROWS,
) -> Folder:
    """Return the tree of the entries below a folder; ``exact_changes`` tells added from changed."""
    prefix = below.rstrip("/") + "/"
    root = Folder(name=below, path=below)
    wanted = search.casefold()
    chosen = [
        entry
        for entry in entries
        if entry["path"].startswith(prefix) and wanted in entry["path"].casefold()
    ]
    parents = _paths_with_content(chosen, prefix)
    for entry in chosen:
        change = exact_changes.get(entry["path"], entry["change"])
        _place(root, entry, change, prefix, is_folder=entry["path"] in parents)
    _show(root, most)
    _join_lonely(root)
    return root


def _paths_with_content(entries: Iterable[Mapping[str, Any]], prefix: str) -> set[str]:
    """Return the folders that hold entries, as far down as folders are shown."""
    found: set[str] = set()
    for entry in entries:
        path = entry["path"]
        at = len(prefix)
        for _ in range(MOST_DEPTH):
            at = path.find("/", at) + 1
            if not at:
                break
            found.add(path[: at - 1])
    return found


def _place(
    root: Folder, entry: Mapping[str, Any], change: str, prefix: str, *, is_folder: bool
) -> None:
    *parents, name = entry["path"][len(prefix) :].split("/", MOST_DEPTH)
    # Beyond the deepest level a folder is a row among the others.
    if is_folder and "/" not in name:
        parents.append(name)
    folder = root
    folder.size_bytes += entry["size_bytes"]
    folder.changes += 1
    for part in parents:
        path = f"{folder.path.rstrip('/')}/{part}"
        folder = folder.folders.setdefault(part, Folder(name=part, path=path))
        folder.size_bytes += entry["size_bytes"]
        folder.changes += 1
    if is_folder and "/" not in name:
        folder.change = change
    else:
        folder.leaves.append(Leaf(name=name, entry=entry, change=change))


def _show(root: Folder, most: int) -> None:
    """Choose what one page shows: the upper levels first, until it is full."""
    waiting = deque([root])
    while waiting:
        folder = waiting.popleft()
        rows = len(folder.folders) + len(folder.leaves)
        if rows > most and folder is not root:
            continue
        folder.is_shown = True
        folder.leaves.sort(key=lambda leaf: (-leaf.entry["size_bytes"], leaf.name))
        room = max(most - len(folder.folders), 0)
        folder.left_out = max(len(folder.leaves) - room, 0)
        del folder.leaves[room:]
        most -= min(rows, most)
        waiting.extend(folder.sorted_folders)


def _join_lonely(root: Folder) -> None:
    """Write folders that hold nothing but one folder as one row: /usr/lib/python3."""
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        for part, child in list(folder.folders.items()):
            joined = child
            while joined.is_shown and len(joined.folders) == 1 and not joined.leaves:
                (only,) = joined.folders.values()
                if joined.change or joined.left_out:
                    break
                only.name = f"{joined.name}/{only.name}"
                joined = only
            folder.folders[part] = joined
            waiting.append(joined)
