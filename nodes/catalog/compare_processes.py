"""Compare the processes of two archives, and what each of them has."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from nodes.catalog.compare_result import SectionComparison, Value, numbered

Process = Mapping[str, Any]

_MOST_LABEL_CHARS: Final = 120
# Of a pipe, which has a new one with every start.
_INODE = re.compile(r":\[\d+\]")
_FIELDS: Final = {
    "name": "name",
    "executable": "executable",
    "working_directory": "working directory",
    "root": "root directory",
    "state": "state",
    "uid": "user",
    "gid": "group",
}


@dataclass(frozen=True, kw_only=True)
class ProcessPair:
    """The same process on both sides; None where it is not."""

    left: Process | None
    right: Process | None

    @property
    def label(self) -> str:
        there = [process for process in (self.left, self.right) if process is not None]
        pids = " → ".join(dict.fromkeys(str(process["pid"]) for process in there))
        command = " ".join(_command(there[0]).split())
        return f"{command[:_MOST_LABEL_CHARS]} (PID {pids})"


def match_processes(left: Sequence[Process], right: Sequence[Process]) -> list[ProcessPair]:
    """Match by PID and command, then what is left by command alone, in the order of the trees."""
    partners: dict[int, int] = {}
    for key in (lambda process: (process["pid"], _command(process)), _command):
        partners |= _match(left, right, partners, key)
    taken = set(partners.values())
    pairs = [
        ProcessPair(left=process, right=right[partners[at]] if at in partners else None)
        for at, process in enumerate(left)
    ]
    alone = (process for at, process in enumerate(right) if at not in taken)
    return pairs + [ProcessPair(left=None, right=process) for process in alone]


def _match(
    left: Sequence[Process],
    right: Sequence[Process],
    partners: Mapping[int, int],
    key: Callable[[Process], Any],
) -> dict[int, int]:
    """Return partners, by their places, for those that have none yet."""
    free: dict[Any, list[int]] = defaultdict(list)
    taken = set(partners.values())
    for at in reversed(range(len(right))):
        if at not in taken:
            free[key(right[at])].append(at)
    return {
        at: free[key(process)].pop()
        for at, process in enumerate(left)
        if at not in partners and free[key(process)]
    }


def _command(process: Process) -> str:
    return " ".join(process["command"]) or str(process["name"])


def compare_processes(section: SectionComparison, pairs: Iterable[ProcessPair]) -> None:
    for pair in pairs:
        left, right = pair.left, pair.right
        if left is None or right is None:
            section.add(pair.label, _described(left), _described(right))
            continue
        total, unchanged = section.total, section.unchanged
        for key, called in _FIELDS.items():
            section.add(f"{pair.label}: {called}", left[key], right[key])
        section.add(f"{pair.label}: threads", len(left["threads"]), len(right["threads"]))
        # What counts as unchanged is a process, not a field of it.
        section.unchanged = unchanged + (section.total == total)


def _described(process: Process | None) -> str | None:
    if process is None:
        return None
    threads = len(process["threads"])
    return f"PID {process['pid']}, {threads} thread{'' if threads == 1 else 's'}"


def compare_environment(section: SectionComparison, pairs: Iterable[ProcessPair]) -> None:
    """Compare which variables are set of processes on both sides; values are kept nowhere."""
    for pair in pairs:
        if pair.left is not None and pair.right is not None:
            section.add_all(_variables(pair.label, pair.left), _variables(pair.label, pair.right))


def _variables(label: str, process: Process) -> dict[str, Value]:
    return {f"{label}: {name}": "set" for name in process["environment"]}


def compare_memory(
    section: SectionComparison,
    pairs: Iterable[ProcessPair],
    left: Iterable[Mapping[str, Any]],
    right: Iterable[Mapping[str, Any]],
) -> None:
    """Compare how much memory lies in the archive, of each process and in all."""
    before = {memory["pid"]: memory["stored_bytes"] for memory in left}
    after = {memory["pid"]: memory["stored_bytes"] for memory in right}
    section.add("All processes", sum(before.values()), sum(after.values()), "bytes")
    for pair in pairs:
        values = _of(pair.left, before), _of(pair.right, after)
        if values != (None, None):
            section.add(pair.label, *values, "bytes")


def compare_files(
    section: SectionComparison,
    pairs: Iterable[ProcessPair],
    left: Iterable[Mapping[str, Any]],
    right: Iterable[Mapping[str, Any]],
) -> None:
    """Compare what the descriptors of processes on both sides are, but for positions in files."""
    before = {files["pid"]: files["descriptors"] for files in left}
    after = {files["pid"]: files["descriptors"] for files in right}
    for pair in pairs:
        if pair.left is not None and pair.right is not None:
            section.add_all(
                dict(_descriptors(pair.label, before.get(pair.left["pid"], ()))),
                dict(_descriptors(pair.label, after.get(pair.right["pid"], ()))),
            )


def _of(process: Process | None, known: Mapping[int, Any]) -> Any:
    return None if process is None else known.get(process["pid"])


def _descriptors(
    label: str, descriptors: Iterable[Mapping[str, Any]]
) -> Iterator[tuple[str, Value]]:
    for descriptor in descriptors:
        path = _INODE.sub("", descriptor["path"])
        words = (descriptor["kind"], path, descriptor["access"])
        shown = " ".join(str(word) for word in words if word)
        yield f"{label}: descriptor {descriptor['fd']}", shown


def compare_sockets(
    section: SectionComparison,
    left: Iterable[Mapping[str, Any]],
    right: Iterable[Mapping[str, Any]],
) -> None:
    section.add_all(_sockets(left), _sockets(right))


def _sockets(sockets: Iterable[Mapping[str, Any]]) -> dict[str, Value]:
    found: Counter[tuple[str, str]] = Counter()
    for socket in sockets:
        ends = " → ".join(end for end in (socket["local"], socket["remote"]) if end)
        what = f"{socket['family']} {socket['protocol']} {ends}".strip()
        found[what, socket["state"] or "open"] += 1
    return numbered(sorted(found.elements()))
