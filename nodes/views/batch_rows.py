"""The rows of the page on which a batch is planned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nodes.forms.batch import AUTOMATIC, LEAVE
from nodes.models import Container, Node
from nodes.operations.batch_plan import BatchPlan, PlannedItem
from nodes.operations.batch_request import BatchRequest


@dataclass(frozen=True, kw_only=True)
class Option:
    value: str
    label: str
    disabled: bool = False


@dataclass(frozen=True, kw_only=True)
class Row:
    """One container, what its list of destinations holds, and what the plan says once there is one.

    ``can_choose`` is False for what stays whatever a person chooses.
    """

    container: Container
    item: PlannedItem | None
    value: str
    options: Sequence[Option]
    can_choose: bool

    @property
    def level(self) -> str:
        """Return ok, warning or error; "" without a plan, or where it is left by choice."""
        if self.item is None or self.item.is_left:
            return ""
        if self.item.destination is None or self.item.verdict is None:
            return "error"
        return "warning" if self.item.choice.warning else self.item.verdict.level


@dataclass(frozen=True, kw_only=True)
class Arrivals:
    """What a plan brings to one node, beside the memory that it has free."""

    node: Node
    containers: int
    bytes: int
    free_bytes: int | None


def rows_of(
    request: BatchRequest, wanted: Mapping[int, Node | None], plan: BatchPlan | None
) -> list[Row]:
    planned = {item.container.pk: item for item in plan.items} if plan else {}
    return [
        _row(request, container, wanted, planned.get(container.pk))
        for container in request.containers
    ]


def _row(
    request: BatchRequest,
    container: Container,
    wanted: Mapping[int, Node | None],
    item: PlannedItem | None,
) -> Row:
    value = AUTOMATIC
    if container.pk in wanted:
        node = wanted[container.pk]
        value = str(node.pk) if node else LEAVE
    can_choose = container.is_running if item is None else bool(item.verdicts)
    options = _options(request, container, item, value)
    return Row(container=container, item=item, value=value, options=options, can_choose=can_choose)


def _options(
    request: BatchRequest, container: Container, item: PlannedItem | None, value: str
) -> list[Option]:
    chosen = item.choice.destination if item and value == AUTOMATIC else ""
    levels = {each.node.pk: each.level for each in item.verdicts} if item else {}
    notes = {"error": " – cannot take it", "warning": " – with warnings"}
    nodes = [
        Option(
            value=str(node.pk),
            label=node.name + notes.get(levels.get(node.pk, ""), ""),
            # What was chosen stays to be seen, with the reason beside it.
            disabled=levels.get(node.pk) == "error" and value != str(node.pk),
        )
        for node in request.candidates
        if node.pk != container.node_id
    ]
    automatic = f"Automatic: {chosen}" if chosen else "Automatic"
    return [
        Option(value=AUTOMATIC, label=automatic),
        *nodes,
        Option(value=LEAVE, label="Leave it where it is"),
    ]


def arrivals_of(plan: BatchPlan) -> list[Arrivals]:
    """Return one entry for each node that may be chosen."""
    coming: dict[str, list[PlannedItem]] = {}
    for item in plan.moving:
        coming.setdefault(item.choice.destination, []).append(item)
    return [
        Arrivals(
            node=node,
            containers=len(coming.get(node.name, [])),
            bytes=sum(item.memory_bytes or 0 for item in coming.get(node.name, [])),
            free_bytes=plan.free_bytes.get(node.name),
        )
        for node in plan.request.candidates
        if node != plan.request.node or plan.request.back_of
    ]
