"""The fleet as a table: its columns, and its order, which is in the address."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nodes.host.version import version_numbers
from nodes.views.board_filter import TABLE, BoardFilter

_READINESS = {"error": 0, "warning": 1, "unknown": 2, "ok": 3}
_STATES = {"blocked": 0, "unreachable": 1, "connecting": 2, "online": 3}


@dataclass(frozen=True, kw_only=True)
class Column:
    name: str
    label: str
    # ascending, descending, or "" while the table is sorted by another.
    order: str
    # Of the link that sorts by it.
    query: str
    is_number: bool = False


def _version(name: str) -> Callable[[Any], Any]:
    return lambda node: version_numbers(node.facts.get(name, ""))


def _number(name: str) -> Callable[[Any], Any]:
    return lambda node: node.facts.get(name) or 0


# By the name of the column: its heading, what it sorts by, and whether it is a number.
_COLUMNS: dict[str, tuple[str, Callable[[Any], Any], bool]] = {
    "name": ("Node", lambda node: node.name.lower(), False),
    "state": ("State", lambda node: _STATES.get(node.state, 9), False),
    "readiness": ("Readiness", lambda node: _READINESS.get(node.readiness, 9), False),
    "containers": ("Containers", lambda node: node.containers_fitting, True),
    "cpus": ("CPUs", _number("cpus"), True),
    "memory": ("Memory free", _number("memory_available_bytes"), True),
    "podman": ("Podman", _version("podman_version"), False),
    "criu": ("CRIU", _version("criu_version"), False),
}
# What is worth seeing first: the most.
_DESCENDING_FIRST = ("containers", "cpus", "memory")


def _sort_of(wanted: BoardFilter) -> tuple[str, bool]:
    """Return the column that is sorted by, and whether from the greatest."""
    name = wanted.sort.removeprefix("-")
    if wanted.view != TABLE or name not in _COLUMNS:
        return "name", False
    return name, wanted.sort.startswith("-")


def sorted_nodes(nodes: list[Any], wanted: BoardFilter) -> list[Any]:
    """Return the nodes in the order of the address, those that are equal by name."""
    name, descending = _sort_of(wanted)
    return sorted(nodes, key=_COLUMNS[name][1], reverse=descending)


def columns_of(wanted: BoardFilter) -> list[Column]:
    by, descending = _sort_of(wanted)
    columns = []
    for name, (label, _, is_number) in _COLUMNS.items():
        is_chosen = name == by
        to_descending = not descending if is_chosen else name in _DESCENDING_FIRST
        order = ("descending" if descending else "ascending") if is_chosen else ""
        query = wanted.query(view=TABLE, sort=f"-{name}" if to_descending else name)
        columns.append(
            Column(name=name, label=label, order=order, query=query, is_number=is_number)
        )
    return columns
