"""What a new site still needs until a container can move: two nodes that are ready."""

from __future__ import annotations

from dataclasses import dataclass

from django import template

from nodes.finding import Level
from nodes.forms import NodeForm
from nodes.inventory.site_key import load_site_key
from nodes.models import Node, Operation, OperationKind, OperationState

register = template.Library()
NEEDED = 2


@dataclass(frozen=True, kw_only=True)
class FirstRun:
    """The nodes so far, each with ``is_ready``; the key and the form that add another."""

    nodes: list[Node]
    has_let_in: bool
    has_ready: bool
    public_key: str
    form: NodeForm


@register.simple_tag
def first_run() -> FirstRun | None:
    """Return what there is so far, or None when nothing is left to be led to."""
    moved = Operation.objects.filter(kind=OperationKind.MIGRATE, state=OperationState.SUCCEEDED)
    # A fleet that works is not led by the hand when two of its nodes are down.
    if Node.objects.count() > NEEDED or moved.exists():
        return None
    nodes = list(Node.objects.order_by("created_at"))
    ready = [node for node in nodes if is_ready(node)]
    if len(ready) >= NEEDED:
        return None
    return FirstRun(
        nodes=nodes,
        has_let_in=any(node.last_seen_at for node in nodes),
        has_ready=bool(ready),
        public_key=load_site_key().public_key,
        form=NodeForm(auto_id="guide_%s"),
    )


@register.filter
def is_ready(node: Node) -> bool:
    return node.readiness in (Level.OK, Level.WARNING)
