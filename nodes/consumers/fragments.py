"""Render the fragments of each live page; None among the changed means: anything.

``user`` is who looks at it or, where many do, their Rights.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.context_processors import PermWrapper
from django.template.loader import render_to_string

from nodes.consumers.topic import ARCHIVES, Changed, Looked, Rendering, Topic
from nodes.models import Container, Node, Operation
from nodes.models.role import Rights, rights_of
from nodes.templatetags.cards import card_name, oob_node_card
from nodes.views.archive_list import archive_list_context
from nodes.views.batch import active_batches, batch_context, batches_with_counts, recent_batches
from nodes.views.board import fleet_totals, nodes_on_board, results_context
from nodes.views.board_filter import TABLE, BoardFilter
from nodes.views.container import container_context
from nodes.views.fleet import container_list_context, nodes_with_containers
from nodes.views.node import node_context
from nodes.views.operation import (
    LIST_ROWS,
    listed_operations,
    operation_context,
    whereabouts_of,
)
from nodes.views.operation_log import latest_events


def render_topic(topic: Topic, changed: Changed) -> Rendering:
    """Render what has changed, everything if that is None, for all pages of the topic."""
    # Archives are in no tray, and in few pages.
    looked = {one for one in changed if isinstance(one, Looked)}
    of_nodes = changed - {ARCHIVES} - looked
    if topic.view in WITH_LOOKS:
        of_nodes |= {one.node for one in looked}
    parts = {"tray": render_tray(topic.rights)} if of_nodes else {}
    if ARCHIVES in changed and topic.view in WITH_ARCHIVES:
        of_nodes = {None}
    params = dict(topic.params)
    wanted = BoardFilter.of(params)
    # Of what is filtered, any change may bring or take a card.
    if topic.view == BOARD and of_nodes and not wanted.is_active:
        return _board_rendering(topic.rights, wanted, parts, of_nodes)
    if of_nodes and (render := VIEWS.get(topic.view)):
        parts["view"] = render(topic.rights, params, of_nodes)
    return Rendering(parts)


def _render(template: str, user: Any, context: dict[str, Any]) -> str:
    rights = rights_of(user)
    # As the page's own context, for the same fragment must come out the same.
    frame = {
        "perms": PermWrapper(rights),
        "rights": rights,
        "role": rights.role,
        # Django's word for none: static/js/csrf.js gives the forms the page's own token.
        "csrf_token": "NOTPROVIDED",
    }
    return render_to_string(template, {**context, **frame, "oob": True})


def render_tray(user: Any) -> str:
    operations = Operation.objects.active().select_related("source", "destination")
    context = {"active_operations": operations, "active_batches": active_batches()}
    return _render("operations/_tray.html", user, context)


def render_board(user: Any, params: dict[str, str], changed: Changed) -> str:
    return _render_grid(user, results_context(BoardFilter.of(params)))


def render_table(user: Any, params: dict[str, str], changed: Changed) -> str:
    return render_board(user, {**params, "view": TABLE}, changed)


def _render_grid(user: Any, context: dict[str, Any]) -> str:
    fragments = ("fleet/_totals", "fleet/_guide", "fleet/_grid")
    return "".join(_render(f"{fragment}.html", user, context) for fragment in fragments)


def _board_rendering(
    rights: Rights, wanted: BoardFilter, parts: dict[str, str], changed: Changed
) -> Rendering:
    """Return the cards as parts, so that of many only those are sent that differ."""
    nodes = nodes_on_board(wanted, None if None in changed else changed)
    parts["totals"] = _render("fleet/_totals.html", rights, fleet_totals())
    parts["guide"] = _render("fleet/_guide.html", rights, {})
    parts |= {card_name(node): oob_node_card(node, rights) for node in nodes}

    def frame() -> str:
        everyone = nodes if None in changed else nodes_on_board(wanted)
        return parts["tray"] + _render_grid(rights, results_context(wanted, everyone))

    return Rendering(parts, frame, BRIEF)


def render_node(user: Any, params: dict[str, str], changed: Changed) -> str:
    pk = _number(params, "node")
    if None not in changed and pk not in changed:
        return ""
    node = nodes_with_containers().filter(pk=pk).first()
    if node is None:
        return ""
    context = node_context(node)
    fragments = (
        "nodes/_status", "containers/_table", "nodes/_operations", "nodes/_condition",
        "nodes/_history",
    )  # fmt: skip
    return "".join(_render(f"{fragment}.html", user, context) for fragment in fragments)


def _number(params: dict[str, str], name: str) -> int:
    return whole_number(params.get(name, ""))


def whole_number(number: str) -> int:
    """Return the number that a page sends, 0 for anything else."""
    return int(number) if number.isascii() and number.isdigit() and len(number) < 19 else 0


def render_containers(user: Any, params: dict[str, str], changed: Changed) -> str:
    return _render("containers/_results.html", user, container_list_context(params))


def render_container(user: Any, params: dict[str, str], changed: Changed) -> str:
    pk = _number(params, "node")
    container = (
        Container.objects.select_related("node")
        .filter(node_id=pk, podman_id=params.get("container", ""))
        .first()
    )
    if container is None:
        node = Node.objects.filter(pk=pk).first()
        elsewhere = Container.objects.filter(podman_id=params.get("container", "")).first()
        return _render("containers/_gone.html", user, {"node": node, "elsewhere": elsewhere})
    context = container_context(container)
    fragments = ("_summary", "_about", "_history")
    return "".join(_render(f"containers/{each}.html", user, context) for each in fragments)


def render_operations(user: Any, params: dict[str, str], changed: Changed) -> str:
    operations = listed_operations(params)[:LIST_ROWS]
    return _render("operations/_table.html", user, {"operations": operations}) + _render(
        "batches/_recent.html", user, {"batches": recent_batches()}
    )


def render_batch(user: Any, params: dict[str, str], changed: Changed) -> str:
    batch = batches_with_counts().filter(pk=_number(params, "batch")).first()
    # One that has gone, as with its rows in a restored back-up, leaves the page as it is.
    return _render("batches/_progress.html", user, batch_context(batch)) if batch else ""


def render_archives(user: Any, params: dict[str, str], changed: Changed) -> str:
    if None not in changed:
        return ""  # a node's containers have changed, no archive
    context = archive_list_context(params)
    return _render("archives/_results.html", user, context) + _render(
        "archives/_gauge.html", user, context
    )


def render_whereabouts(user: Any, params: dict[str, str], changed: Changed) -> str:
    context = {"whereabouts": whereabouts_of(params.get("container", ""))}
    return _render("operations/_whereabouts.html", user, context)


def render_operation(user: Any, pk: int, after: int) -> tuple[str, int]:
    """Render an operation as it is, and what it wrote since; return the last event, too."""
    # Before the operation: what is written meanwhile comes with the next ping.
    events = latest_events(Operation(pk=pk), after=after)
    operation = Operation.objects.select_related(
        "source", "destination", "archive", "retry_of"
    ).get(pk=pk)
    html = _render("operations/_progress.html", user, operation_context(operation))
    if events:
        context = {"operation": operation, "events": events}
        html += _render("operations/_log_more.html", user, context)
        after = events[-1].pk
    return html, after


# The one whose parts are sent one by one.
BOARD = "board"
BRIEF = ("tray", "totals", "guide")
VIEWS = {
    "board": render_board,
    "table": render_table,
    "node": render_node,
    "containers": render_containers,
    "container": render_container,
    "operations": render_operations,
    "batch": render_batch,
    "archives": render_archives,
    "whereabouts": render_whereabouts,
}
# They show archives, too.
WITH_ARCHIVES = ("archives", "container")
# They say when a node was last looked at.
WITH_LOOKS = ("node", "container", "whereabouts")
