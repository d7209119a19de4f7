"""Render the fragments of each live page; None among the changed means: anything."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.context_processors import PermWrapper
from django.template.loader import render_to_string

from nodes.models import Container, Node, Operation
from nodes.models.role import role_of
from nodes.views.container import container_context
from nodes.views.fleet import container_list_context, fleet_totals, nodes_with_containers
from nodes.views.operation import LIST_ROWS, listed_operations, operation_context

Changed = set[int | None]


def _render(template: str, user: Any, context: dict[str, Any]) -> str:
    # As the page's own context, for the same fragment must come out the same.
    permissions = {"user": user, "perms": PermWrapper(user), "role": role_of(user)}
    return render_to_string(template, {**context, **permissions, "oob": True})


def render_tray(user: Any) -> str:
    operations = Operation.objects.active().select_related("source", "destination")
    return _render("operations/_tray.html", user, {"active_operations": operations})


def render_board(user: Any, params: dict[str, str], changed: Changed) -> str:
    nodes = nodes_with_containers()
    if None not in changed:
        cards = list(nodes.filter(pk__in=changed))
        if len(cards) == len(changed):
            html = "".join(_render("fleet/_node_card.html", user, {"node": n}) for n in cards)
            return html + _render("fleet/_totals.html", user, fleet_totals())
    # A node may have come or gone: send all cards.
    return _render("fleet/_grid.html", user, {"nodes": nodes}) + _render(
        "fleet/_totals.html", user, fleet_totals()
    )


def render_node(user: Any, params: dict[str, str], changed: Changed) -> str:
    pk = int(params["node"]) if params.get("node", "").isdigit() else 0
    if None not in changed and pk not in changed:
        return ""
    node = nodes_with_containers().filter(pk=pk).first()
    if node is None:
        return ""
    return _render("nodes/_status.html", user, {"node": node}) + _render(
        "containers/_table.html", user, {"node": node, "containers": node.containers.all()}
    )


def render_containers(user: Any, params: dict[str, str], changed: Changed) -> str:
    return _render("containers/_results.html", user, container_list_context(params))


def render_container(user: Any, params: dict[str, str], changed: Changed) -> str:
    container = (
        Container.objects.select_related("node")
        .filter(node_id=params.get("node") or 0, podman_id=params.get("container", ""))
        .first()
    )
    if container is None:
        node = Node.objects.filter(pk=params.get("node") or 0).first()
        elsewhere = Container.objects.filter(podman_id=params.get("container", "")).first()
        return _render("containers/_gone.html", user, {"node": node, "elsewhere": elsewhere})
    return _render("containers/_summary.html", user, container_context(container))


def render_operations(user: Any, params: dict[str, str], changed: Changed) -> str:
    operations = listed_operations(params)[:LIST_ROWS]
    return _render("operations/_table.html", user, {"operations": operations})


def render_operation(user: Any, pk: int) -> str:
    operation = Operation.objects.select_related("source", "destination", "archive").get(pk=pk)
    return _render("operations/_progress.html", user, operation_context(operation))


VIEWS = {
    "board": render_board,
    "node": render_node,
    "containers": render_containers,
    "container": render_container,
    "operations": render_operations,
}
