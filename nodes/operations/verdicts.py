"""Say of each node whether it could take a container: from the rows at once, then by asking."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Q

from nodes.finding import Finding, Level
from nodes.models import EXCLUSIVE_KINDS, BatchKind, Container, Node, Operation
from nodes.operations.balance import RESERVE_BYTES
from nodes.operations.batch_plan import BatchPlan, PlannedItem, Verdict, plan_batch
from nodes.operations.batch_request import BatchRequest, reasons_to_stay

# Each is asked over SSH what decides a migration.
MOST_ASKED = 8
# The checks of readiness without which no preflight passes: preflight_host_checks.py.
_DECISIVE = ("root", "capabilities", "criu", "checkpoint-support", "libcriu", "cgroup-manager")


@dataclass(frozen=True, kw_only=True)
class Told:
    """A verdict in words; ``is_final`` once the node itself was asked."""

    node: Node
    level: Level
    message: str
    is_final: bool = False
    # What else there is to see in the dialog.
    more: int = 0


def known_verdicts(container: Container, nodes: Iterable[Node]) -> list[Told]:
    """Say what the rows tell, and ask nobody."""
    others = [node for node in nodes if node.pk != container.node_id]
    if reason := _reason_to_stay(container):
        return [_refused(node, reason) for node in others]
    near = _Near(container, others)
    return [near.judge(node) for node in others]


def asked_verdicts(container: Container, nodes: Sequence[Node]) -> list[Told]:
    """Ask the container's node and up to MOST_ASKED others now; change nothing."""
    others = [node for node in nodes if node.pk != container.node_id][:MOST_ASKED]
    plan = plan_batch(
        BatchRequest(kind=BatchKind.MIGRATE, containers=[container], candidates=others)
    )
    item = plan.items[0]
    if not item.verdicts:
        return [_refused(node, item.choice.reason, is_final=True) for node in others]
    return [_told(verdict, item, plan) for verdict in item.verdicts]


def _reason_to_stay(container: Container) -> str:
    request = BatchRequest(kind=BatchKind.MIGRATE, containers=[container], candidates=[])
    reason = reasons_to_stay(request).get(container.pk, "")
    if not reason and not container.node.is_online:
        reason = f"{container.node.name} is not online."
    return reason


def _refused(node: Node, message: str, *, is_final: bool = False) -> Told:
    return Told(node=node, level=Level.ERROR, message=message, is_final=is_final)


class _Near:
    """What the rows tell of the nodes around a container, read at once for all of them."""

    def __init__(self, container: Container, nodes: Sequence[Node]) -> None:
        self._container = container
        namesakes = Container.objects.filter(node__in=nodes).filter(
            Q(name=container.name) | Q(podman_id=container.podman_id)
        )
        self._namesakes: Mapping[int, Container] = {each.node_id: each for each in namesakes}
        exclusive = Operation.objects.unfinished().filter(kind__in=EXCLUSIVE_KINDS)
        self._busy = {each.source_id: each for each in exclusive}

    def judge(self, node: Node) -> Told:
        if reason := self._refusal(node):
            return _refused(node, reason)
        if node.readiness in (Level.WARNING, Level.ERROR):
            worst = [found for found in node.findings if found["level"] == node.readiness]
            return Told(
                node=node,
                level=Level.WARNING,
                message=worst[0]["message"],
                more=len(worst) - 1,
            )
        return Told(node=node, level=Level.OK, message="Nothing known is in the way.")

    def _refusal(self, node: Node) -> str:
        source = self._container.node
        if node.host_key == source.host_key:
            return f"It is the same host as {source.name}."
        if not node.is_online:
            return str(node.problem.get("message", "") or f"{node.name} has not answered yet.")
        if operation := self._busy.get(node.pk):
            return f"It is in use by operation {operation.pk} ({operation})."
        decisive = [
            found["message"]
            for found in node.findings
            if found["level"] == Level.ERROR and found["check"] in _DECISIVE
        ]
        if decisive:
            return str(decisive[0])
        here, there = source.facts.get("architecture"), node.facts.get("architecture")
        if here and there and here != there:
            return f"Its processor is {there}: memory cannot be moved there from {here}."
        return self._namesake(node)

    def _namesake(self, node: Node) -> str:
        other = self._namesakes.get(node.pk)
        if other is None:
            return ""
        if other.podman_id == self._container.podman_id:
            return "It still has a container with this ID."
        return f"The name {other.name} is taken there."


def _told(verdict: Verdict, item: PlannedItem, plan: BatchPlan) -> Told:
    node = verdict.node
    if verdict.refusal:
        return _refused(node, verdict.refusal, is_final=True)
    messages = [*_shortage(node, item, plan), *_messages_of(verdict.findings)]
    if messages:
        return Told(
            node=node,
            level=Level.WARNING,
            message=messages[0],
            is_final=True,
            more=len(messages) - 1,
        )
    count = len(verdict.findings)
    return Told(node=node, level=Level.OK, message=f"{count} checks passed.", is_final=True)


def _messages_of(findings: Sequence[Finding]) -> list[str]:
    return [found.message for found in findings if found.level == Level.WARNING]


def _shortage(node: Node, item: PlannedItem, plan: BatchPlan) -> list[str]:
    free, needed = plan.free_bytes.get(node.name), item.memory_bytes or 0
    if free is None or needed + RESERVE_BYTES <= free:
        return []
    return [
        f"It has {free >> 20} MiB of memory free, and {item.container.name} holds "
        f"{needed >> 20} MiB."
    ]
