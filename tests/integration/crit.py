"""What CRIU's own reader, crit, says about a checkpoint on a host."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from tests.lab import Host

_ARCHIVE = "/tmp/checkpoint.tar"
FOLDER = "/tmp/checkpoint"
_SCRIPT = """
rm -rf "$2" "$3"; mkdir "$3"
podman container checkpoint --leave-running --tcp-established --compress "$4" --export "$2" "$1" >&2
case "$4" in zstd) zstd -dcq "$2" | tar x -C "$3" ;; *) tar xf "$2" -C "$3" ;; esac
"""
_PAGE_BYTES = 4096


@dataclass(frozen=True)
class CritMapping:
    start: int
    end: int
    access: str
    path: str


class Crit:
    """Checkpoints a container of a host, and asks crit there about it."""

    def __init__(self, host: Host, container: str, compression: str = "zstd") -> None:
        host.shell(_SCRIPT, container, _ARCHIVE, FOLDER, compression)
        self._host = host
        self.archive = host.path(_ARCHIVE)

    def processes(self) -> list[tuple[int, int, int, int, str]]:
        """Return PID, group, session, depth and name, in crit's order."""
        found = []
        for line in self._explore("ps")[1:]:
            pid, group, session, rest = re.fullmatch(r" *(\d+) +(\d+) +(\d+)   (.*)", line).groups()
            name = rest.lstrip(" ")
            found.append((int(pid), int(group), int(session), (len(rest) - len(name)) // 4, name))
        return found

    def descriptors(self) -> dict[int, dict[str, str]]:
        """Return what each process has open: by number, and as cwd and root."""
        found: dict[int, dict[str, str]] = {}
        for pid, line in self._by_process("fds"):
            key, _, what = line.strip().partition(": ")
            found.setdefault(pid, {})[key] = what
        return found

    def mappings(self) -> dict[int, list[CritMapping]]:
        """Return the mappings of each process in the order of their addresses."""
        found: dict[int, list[CritMapping]] = {}
        for pid, line in self._by_process("mems"):
            match = re.match(r"\t([0-9a-f]+)-([0-9a-f]+) +([r-][w-][x-]) ?([^+*(]*)", line)
            # A guard, which is a part of another mapping, is none of the regular ones (*).
            if match and not (match[3] == "---" and line.endswith("*")):
                start, end, access, path = match.groups()
                mapping = CritMapping(int(start, 16), int(end, 16), access, path.strip())
                found.setdefault(pid, []).append(mapping)
        return found

    def executables(self) -> dict[int, str]:
        return {
            pid: line.split(maxsplit=1)[1]
            for pid, line in self._by_process("mems")
            if line.startswith("\texe")
        }

    def stored_bytes(self) -> dict[int, int]:
        """Return how much memory of each process is in the checkpoint."""
        found: dict[int, int] = {}
        for pid, line in self._by_process("rss"):
            match = re.match(r"\t[0-9a-f]+ / (\d+)", line)
            if match:
                found[pid] = found.get(pid, 0) + int(match[1]) * _PAGE_BYTES
        return found

    def decode(self, image: str) -> list[dict[str, Any]]:
        """Return the entries of an image with the numbers that crit gives their fields."""
        decoded = self._host.run(["crit", "decode", "-i", f"{FOLDER}/{image}"]).stdout
        entries: list[dict[str, Any]] = json.loads(decoded)["entries"]
        return entries

    def _explore(self, what: str) -> list[str]:
        explored = self._host.run(["crit", "x", f"{FOLDER}/checkpoint", what]).stdout
        return explored.rstrip("\n").split("\n")

    def _by_process(self, what: str) -> list[tuple[int, str]]:
        found, pid = [], 0
        for line in self._explore(what):
            if line.isdigit():
                pid = int(line)
            else:
                found.append((pid, line))
        return found
