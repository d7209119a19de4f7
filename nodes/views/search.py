"""Find anything by a word: nodes, containers, archives and operations, a few of each."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q, QuerySet, Subquery, TextField
from django.db.models.functions import Cast
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from nodes.archives.find import as_listed, find_archives
from nodes.models import Archive, Container, Node, Operation
from nodes.templatetags.operations import route
from nodes.views.access import viewer
from nodes.views.answers import is_fragment
from nodes.views.board_filter import TEXT_CHARS, BoardFilter
from nodes.views.operation import listed_operations

# Under the field, and on the page of its own.
FEW, MANY = 5, 25
# With each key the listbox looks at so many of the last operations; the page looks at all.
LATE_OPERATIONS = 5000
_NUMBER = re.compile(r"#?([0-9]{1,18})")


@dataclass(frozen=True, kw_only=True)
class Hit:
    title: str
    note: str
    url: str
    state: str
    label: str


@dataclass(frozen=True, kw_only=True)
class Group:
    """What was found of one kind; ``all_url`` leads to all of it where there is more."""

    name: str
    label: str
    hits: list[Hit] = field(default_factory=list)
    all_url: str = ""


@viewer
@require_GET
def search(request: HttpRequest) -> HttpResponse:
    """Answer the listbox under the field to htmx, and a page of its own to everybody else."""
    text = request.GET.get("q", "").replace("\0", "").strip()[:TEXT_CHARS]
    fragment = is_fragment(request)
    groups = find_everywhere(text, for_listbox=fragment) if text else []
    context = {"groups": groups, "text": text, "found": sum(len(each.hits) for each in groups)}
    return render(request, "search/_options.html" if fragment else "search/page.html", context)


def find_everywhere(text: str, *, for_listbox: bool) -> list[Group]:
    """Return the groups in which something was found, a few of each for the listbox."""
    most = FEW if for_listbox else MANY
    operations = _operations(text)
    if for_listbox and not _NUMBER.fullmatch(text):
        last = Operation.objects.order_by("-pk").values("pk")[:1]
        operations = operations.filter(pk__gt=Subquery(last) - LATE_OPERATIONS)
    groups = [
        _group("nodes", "Nodes", _nodes(text), most, "fleet", text),
        _group("containers", "Containers", _containers(text), most, "fleet", text),
        _group("archives", "Archives", _archives(text), most, "archive-list", text),
        _group("operations", "Operations", operations, most, "operation-list", text),
    ]
    return [group for group in groups if group.hits]


def _group(
    name: str, label: str, found: QuerySet[Any], most: int, all_route: str, text: str
) -> Group:
    rows = list(found[: most + 1])
    more = f"{reverse(all_route)}?{urlencode({'q': text})}" if len(rows) > most else ""
    return Group(name=name, label=label, hits=_hits(rows[:most]), all_url=more)


def _nodes(text: str) -> QuerySet[Node]:
    tagged = Node.objects.annotate(tags_text=Cast("tags", TextField()))
    return tagged.filter(
        Q(name__icontains=text) | Q(host__icontains=text) | Q(tags_text__icontains=text)
    )


def _containers(text: str) -> QuerySet[Container]:
    found = BoardFilter(q=text).containers().select_related("node")
    return found.order_by("name", "node__name")


def _archives(text: str) -> QuerySet[Archive]:
    return as_listed(find_archives({"q": text}))


def _operations(text: str) -> QuerySet[Operation]:
    number = _NUMBER.fullmatch(text)
    return listed_operations({"ids": number[1]} if number else {"q": text})


def _hits(rows: Iterable[Any]) -> list[Hit]:
    return [_HIT_OF[type(row)](row) for row in rows]


def _node_hit(node: Node) -> Hit:
    return Hit(
        title=node.name,
        note=node.host,
        url=node.get_absolute_url(),
        state=node.state,
        label=node.get_state_display(),
    )


def _container_hit(container: Container) -> Hit:
    return Hit(
        title=container.name,
        note=f"on {container.node.name} · {container.image}",
        url=container.get_absolute_url(),
        # What was seen on a node that does not answer is not known to be so now.
        state=container.state if container.node.is_online else "",
        label=container.state.capitalize(),
    )


def _archive_hit(archive: Archive) -> Hit:
    note = f"{archive.container_name} from {archive.node_name}"
    return Hit(title=archive.name, note=note, url=archive.get_absolute_url(), state="", label="")


def _operation_hit(operation: Operation) -> Hit:
    return Hit(
        title=f"{operation.pk} {operation}",
        note=route(operation),
        url=operation.get_absolute_url(),
        state=operation.state,
        label=operation.get_state_display(),
    )


_HIT_OF: dict[type, Any] = {
    Node: _node_hit,
    Container: _container_hit,
    Archive: _archive_hit,
    Operation: _operation_hit,
}
