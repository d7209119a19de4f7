"""The nodes of the fleet page with the containers that fit what is looked for."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from django.db.models import (
    Case,
    Count,
    F,
    IntegerField,
    Prefetch,
    Q,
    QuerySet,
    Value,
    When,
    Window,
    prefetch_related_objects,
)
from django.db.models.functions import RowNumber

from nodes.models import Container, Node, NodeState
from nodes.views.board_filter import READINESS, TABLE, BoardFilter
from nodes.views.board_table import columns_of, sorted_nodes
from nodes.views.containers import note_operations

# On each card, the running ones first; the others at the press of a link.
CHIPS_SHOWN = 12
# Of a large fleet fewer: nobody reads thousands, and each takes its time to render and send.
LARGE_FLEET = 50
CHIPS_SHOWN_OF_MANY = 6
# Of each node, too.
UNFOLDED_MOST = 500
PODS_OFFERED = 200
# No chip shows these, and reading them takes longer than all else.
_NOT_ON_CHIPS = ("command", "labels", "mounts", "networks", "status", "image_id", "created_at")
Counts = Mapping[int, int]


def nodes_on_board(wanted: BoardFilter, pks: Collection[int] | None = None) -> list[Any]:
    """Return the nodes that fit, each with the containers that do as ``containers_shown``.

    Of these there are CHIPS_SHOWN at most, or CHIPS_SHOWN_OF_MANY, unless the node is unfolded;
    ``containers_folded`` more fit. ``containers_count`` and ``containers_running`` are of all that
    it has. The number of queries is the same for any number of nodes and containers.
    """
    most = _chips_shown()
    found: list[Any] = wanted.nodes(pks)
    fitting = _count_by_node(wanted.containers(), found)
    everything = _count_by_node(Container.objects.all(), found)
    running = _count_by_node(Container.objects.filter(state="running"), found)
    found = [node for node in found if _fits(node, wanted, fitting)]
    _attach(found, wanted, most)
    for node in found:
        node.containers_count = everything.get(node.pk, 0)
        node.containers_running = running.get(node.pk, 0)
        node.containers_fitting = fitting.get(node.pk, 0)
        node.containers_folded = node.containers_fitting - len(node.containers_shown)
        node.is_unfolded = node.pk in wanted.unfolded
        is_long = node.containers_fitting > most
        node.unfold_query = _unfold_query(node, wanted) if is_long else None
    return found


def _chips_shown() -> int:
    # Of the whole fleet: a card is the same on the page as when it is sent alone.
    is_large = Node.objects.count() > LARGE_FLEET
    return CHIPS_SHOWN_OF_MANY if is_large else CHIPS_SHOWN


def _unfold_query(node: Any, wanted: BoardFilter) -> str:
    """Return the query of the link that unfolds the node's list, or folds it again."""
    others = wanted.unfolded ^ {node.pk}
    return wanted.query(unfold=",".join(str(pk) for pk in sorted(others)))


def _count_by_node(containers: QuerySet[Container], nodes: Collection[Node]) -> Counts:
    counted = containers.filter(node__in=nodes).order_by().values_list("node_id")
    return dict(counted.annotate(Count("pk")))


def _fits(node: Node, wanted: BoardFilter, fitting: Counts) -> bool:
    if not wanted.is_of_containers or fitting.get(node.pk):
        return True
    # One without any container is found by its name all the same.
    return wanted.names_node(node) and not (wanted.state or wanted.pod)


def _attach(nodes: list[Any], wanted: BoardFilter, folded_most: int) -> None:
    """Set ``containers_shown``, and on each container what holds it."""
    for most, some in (
        (UNFOLDED_MOST, [node for node in nodes if node.pk in wanted.unfolded]),
        (folded_most, [node for node in nodes if node.pk not in wanted.unfolded]),
    ):
        shown = _first_of_each(wanted.containers().filter(node__in=some), most)
        prefetch_related_objects(
            some, Prefetch("containers", queryset=shown, to_attr="containers_shown")
        )
    note_operations([container for node in nodes for container in node.containers_shown])


def _first_of_each(containers: QuerySet[Container], most: int) -> QuerySet[Container]:
    """Return so many containers of each node, in the order of a card."""
    stopped_last = Case(
        When(state="running", then=Value(0)), default=Value(1), output_field=IntegerField()
    )
    order = (stopped_last, F("name"), F("pk"))
    # Ranked by id and only then read: with all their columns the ranking costs twice as much.
    rank = Window(RowNumber(), partition_by=F("node_id"), order_by=order)
    first = containers.annotate(rank=rank).filter(rank__lte=most).values("pk")
    return Container.objects.filter(pk__in=first).defer(*_NOT_ON_CHIPS).order_by(*order)


def fleet_totals() -> dict[str, int]:
    """Count what the board's heading tells."""
    running = Q(state="running", node__state=NodeState.ONLINE)
    return {
        **Node.objects.aggregate(
            nodes_total=Count("pk"), nodes_online=Count("pk", filter=Q(state=NodeState.ONLINE))
        ),
        **Container.objects.aggregate(
            containers_total=Count("pk"), containers_running=Count("pk", filter=running)
        ),
    }


def results_context(wanted: BoardFilter, nodes: list[Any] | None = None) -> dict[str, Any]:
    """Return what the board or the table shows, and how much of the fleet that is."""
    shown = sorted_nodes(nodes_on_board(wanted) if nodes is None else nodes, wanted)
    return {
        "nodes": shown,
        "wanted": wanted,
        "query": wanted.query(),
        "board_query": wanted.query(view="", sort=""),
        "table_query": wanted.query(view=TABLE),
        "clear_query": BoardFilter(view=wanted.view, sort=wanted.sort).query(),
        "columns": columns_of(wanted),
        "nodes_shown": len(shown),
        "containers_fitting": sum(node.containers_fitting for node in shown),
        **fleet_totals(),
    }


def choices_context() -> dict[str, Any]:
    """Return what can be chosen in the form over the board."""
    pods = Container.objects.exclude(pod="").order_by("pod").values_list("pod", flat=True)
    states = Container.objects.order_by("state").values_list("state", flat=True)
    tagged = Node.objects.exclude(tags=[]).values_list("tags", flat=True)
    return {
        "states": list(states.distinct()),
        "pods": list(pods.distinct()[:PODS_OFFERED]),
        "tags": sorted({tag for tags in tagged for tag in tags}),
        "readiness_choices": READINESS,
        "node_states": NodeState.choices,
    }
