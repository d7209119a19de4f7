"""Choose for each container of a batch the node that it goes to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# A host that has no memory left kills programs, those that it had before among them.
RESERVE_BYTES = 64 * 1024 * 1024
_MIB = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Movable:
    """One container of a selection.

    ``refused`` says by node why it cannot go there. ``claims`` is what one container of a node
    can have and no second one, in words: "the name web", "port 8080/tcp". ``wanted`` is the node
    that a person chose for it, ``planned`` the one that was chosen for it in an earlier plan.
    """

    key: int
    name: str
    source: str
    memory_bytes: int
    claims: frozenset[str]
    refused: Mapping[str, str]
    wanted: str = ""
    planned: str = ""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Where a container goes; without a ``destination`` it stays, for this ``reason``."""

    destination: str = ""
    reason: str = ""
    warning: str = ""


def balance(
    containers: Sequence[Movable], free_bytes: Mapping[str, int | None]
) -> dict[int, Choice]:
    """Return a choice for each container, by its key.

    What a person chose comes first and is only refused where it cannot work. What was planned
    comes next, and stays if its node has no memory left for it. Then the largest containers
    choose, each the node that has the most memory left after all that goes there already. The
    same input gives the same choices. ``free_bytes`` holds the nodes that may be
    chosen; a memory of None is not known, and taken when nothing else is left.
    """
    nodes = _Nodes(free_bytes)
    chosen: dict[int, Choice] = {}
    for container in sorted(containers, key=_wanted_planned_then_largest):
        if container.wanted:
            choice = nodes.follow(container)
        elif container.planned:
            choice = nodes.keep(container)
        else:
            choice = nodes.choose(container)
        if choice.destination:
            nodes.take(container, choice.destination)
        chosen[container.key] = choice
    return {container.key: chosen[container.key] for container in containers}


def _wanted_planned_then_largest(container: Movable) -> tuple[bool, bool, int, str, str, int]:
    return (
        not container.wanted,
        not container.planned,
        -container.memory_bytes,
        container.name,
        container.source,
        container.key,
    )


class _Nodes:
    """What the nodes have left, and what is going to be on them."""

    def __init__(self, free_bytes: Mapping[str, int | None]) -> None:
        self._free_bytes = dict(free_bytes)
        self._claimed: dict[str, dict[str, str]] = {name: {} for name in free_bytes}

    def take(self, container: Movable, node: str) -> None:
        free = self._free_bytes[node]
        if free is not None:
            self._free_bytes[node] = free - container.memory_bytes
        self._claimed[node].update(dict.fromkeys(container.claims, container.name))

    def follow(self, container: Movable) -> Choice:
        node = container.wanted
        if reason := self._refusal(container, node):
            return Choice(reason=f"It cannot go to {node}. {reason}")
        return Choice(destination=node, warning=self._shortage(container, node))

    def keep(self, container: Movable) -> Choice:
        """Do what a person was shown, or nothing: another node is none that they have agreed to."""
        node = container.planned
        if reason := self._refusal(container, node) or self._shortage(container, node):
            return Choice(reason=f"It was to go to {node}, and cannot any more. {reason}")
        return Choice(destination=node)

    def choose(self, container: Movable) -> Choice:
        reasons = {
            node: self._refusal(container, node) or self._shortage(container, node)
            for node in sorted(self._free_bytes)
            if node != container.source
        }
        fitting = [node for node, reason in reasons.items() if not reason]
        if fitting:
            return Choice(destination=min(fitting, key=self._least_free_last))
        return Choice(reason=_why_none(reasons))

    def _least_free_last(self, node: str) -> tuple[bool, int, str]:
        free = self._free_bytes[node]
        return free is None, -(free or 0), node

    def _refusal(self, container: Movable, node: str) -> str:
        if node == container.source:
            return "It is there already."
        if node not in self._free_bytes:
            return "That node takes no part."
        if reason := container.refused.get(node, ""):
            return reason
        clashes = sorted(container.claims & self._claimed[node].keys())
        if clashes:
            return f"{self._claimed[node][clashes[0]]}, which goes there too, has {clashes[0]}."
        return ""

    def _shortage(self, container: Movable, node: str) -> str:
        free = self._free_bytes[node]
        if free is None or container.memory_bytes + RESERVE_BYTES <= free:
            return ""
        return (
            f"It has {max(free, 0) // _MIB} MiB of memory left, and {container.name} holds "
            f"{container.memory_bytes // _MIB} MiB."
        )


def _why_none(reasons: Mapping[str, str]) -> str:
    """Tell the reasons, each once, with the nodes that have it."""
    if not reasons:
        return "There is no other node that could take it."
    nodes_by_reason: dict[str, list[str]] = {}
    for node, reason in reasons.items():
        nodes_by_reason.setdefault(reason, []).append(node)
    told = (f"{', '.join(nodes)}: {reason}" for reason, nodes in nodes_by_reason.items())
    return f"No node can take it. {' '.join(told)}"
