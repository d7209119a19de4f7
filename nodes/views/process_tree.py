"""Lay a process tree out as rows, each with the lines that connect it to its parent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# What is deeper is drawn at this depth: a phone has no room for more.
MOST_DEPTH = 10
MOST_ROWS = 400


@dataclass(frozen=True, kw_only=True)
class ProcessRow:
    process: Mapping[str, Any]
    # From the left: line (the branch goes on below), tee (it goes on, and here is one of it),
    # elbow (the last of it), none.
    guides: list[str]
    stored_bytes: int | None


def process_rows(
    processes: Sequence[Mapping[str, Any]], stored_bytes: Mapping[int, int], search: str = ""
) -> list[ProcessRow]:
    """Return the rows in the order of the tree; a search leaves those that fit, without lines.

    There is one more than MOST_ROWS where not all are among them.
    """
    if search:
        wanted = search.casefold()
        chosen = [process for process in processes if wanted in _text_of(process)]
        depths = [0] * len(chosen)
    else:
        chosen = list(processes)
        depths = [min(process["depth"], MOST_DEPTH) for process in chosen]
    guides = _guides(depths)
    return [
        ProcessRow(process=process, guides=drawn, stored_bytes=stored_bytes.get(process["pid"]))
        for process, drawn in list(zip(chosen, guides, strict=True))[: MOST_ROWS + 1]
    ]


def _text_of(process: Mapping[str, Any]) -> str:
    parts = (process["pid"], process["name"], *process["command"], process["executable"])
    return " ".join(str(part) for part in parts).casefold()


def _guides(depths: Sequence[int]) -> list[list[str]]:
    """Draw from the last row upwards: what comes below decides whether a line goes on."""
    drawn: list[list[str]] = []
    goes_on = [False] * (MOST_DEPTH + 2)
    for depth in reversed(depths):
        row = ["line" if goes_on[level] else "none" for level in range(1, depth)]
        if depth:
            row.append("tee" if goes_on[depth] else "elbow")
        drawn.append(row)
        goes_on[depth] = True
        for level in range(depth + 1, len(goes_on)):
            goes_on[level] = False
    return drawn[::-1]
