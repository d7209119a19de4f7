"""Bound what one reading of an archive collects, and say where it was cut short.

Archives may come from anybody: their numbers decide how much memory and time an index costs.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

# About 40 MiB if an archive has the most of everything.
MOST: Final = {
    "processes": 4096,
    "threads": 16384,
    "images of processes": 49152,
    "open files": 20480,
    "descriptors": 20480,
    "descriptors in the list": 16384,
    "memory mappings": 65536,
    "memory mappings in the list": 16384,
    "runs of memory pages": 524288,
    "changes of the root filesystem": 10000,
    "volumes": 1024,
    "mounts": 4096,
}
_TEXT_CHARACTERS: Final = 8 * 1024 * 1024


class Budget:
    def __init__(self, most: dict[str, int] | None = None) -> None:
        self._most = MOST | (most or {})
        self._asked: Counter[str] = Counter()
        self._characters = 0
        self._notes: list[str] = []

    def take(self, what: str, count: int = 1) -> bool:
        """Count something of MOST; return whether it may be kept."""
        self._asked[what] += count
        return self._asked[what] <= self._most[what]

    def left(self, what: str) -> int:
        return max(0, self._most[what] - self._asked[what])

    def text(self, value: str) -> str:
        """Return the text, or nothing if the archive's texts are too long in all."""
        self._characters += len(value)
        return value if self._characters <= _TEXT_CHARACTERS else ""

    def note(self, sentence: str) -> None:
        """Keep a sentence about what could not be read."""
        if len(self._notes) < 100:
            self._notes.append(sentence)

    def notes(self) -> list[str]:
        """Return sentences about all that could not be read or was cut short."""
        cut = [
            f"Only the first {self._most[what]:,} {what} were kept, of at least {asked:,}."
            for what, asked in self._asked.items()
            if asked > self._most[what]
        ]
        if self._characters > _TEXT_CHARACTERS:
            cut.append("Its names and paths are too long in all: some were left out.")
        return [*self._notes, *cut]
