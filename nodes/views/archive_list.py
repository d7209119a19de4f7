"""The catalog's list: what is asked for is in the address, and every link keeps the rest of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode

from django.db.models import Exists, OuterRef, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from nodes.archives import find
from nodes.archives.page import page_of
from nodes.archives.place import archive_store
from nodes.models import Archive, ArchiveOrigin, Tag
from nodes.views.access import viewer
from nodes.views.answers import go_to

Choices = list[tuple[str, str]]
AGES: Choices = [
    ("24h", "Last 24 hours"),
    ("7d", "Last 7 days"),
    ("30d", "Last 30 days"),
    (find.OLDER, "Older than 30 days"),
]
SIZES: Choices = [
    ("100MiB", "Over 100 MiB"),
    ("1GiB", "Over 1 GiB"),
    ("10GiB", "Over 10 GiB"),
]
PINNED: Choices = [(find.YES, "Pinned"), (find.NO, "Not pinned")]
ORIGINS: Choices = [
    (ArchiveOrigin.CHECKPOINT.value, "Made here"),
    (ArchiveOrigin.UPLOAD.value, "Uploaded"),
]
SORTS: Choices = [
    ("-made", "Newest first"),
    ("made", "Oldest first"),
    ("name", "Name"),
    ("container", "Container"),
    ("node", "Node"),
    ("-size", "Largest first"),
    ("size", "Smallest first"),
    ("-memory", "Most memory first"),
]
_LABELS = {
    "q": "Text",
    "node": "Node",
    "container": "Container",
    "image": "Image",
    "age": "Made",
    "size": "Size",
    "tag": "Tag",
    "pinned": "Pin",
    "origin": "Origin",
}
_WORDS = {"age": dict(AGES), "size": dict(SIZES), "pinned": dict(PINNED), "origin": dict(ORIGINS)}
# What is worth seeing first: the largest, the newest; names from A.
_DESCENDING_FIRST = ("size", "memory", "made")


@dataclass(frozen=True, kw_only=True)
class Column:
    name: str
    label: str
    # ascending, descending, or "" while the list is sorted by another.
    order: str
    # Of the link that sorts by it.
    query: str
    is_number: bool = False


@dataclass(frozen=True, kw_only=True)
class Chip:
    """A filter in use, with the query of the list without it."""

    label: str
    value: str
    query: str


def back_to_list(request: HttpRequest) -> HttpResponse:
    """Go back to the list as it was; ``query`` is only ever a query of that page."""
    query = query_of(known_params(dict(parse_qsl(request.POST.get("query", "")))))
    return go_to(request, f"{reverse('archive-list')}{'?' if query else ''}{query}")


@viewer
@require_GET
def archive_list(request: HttpRequest) -> HttpResponse:
    return render(request, "archives/list.html", archive_list_context(request.GET.dict()))


def archive_list_context(asked: Mapping[str, str]) -> dict[str, Any]:
    """Return what the list shows for the parameters of its address."""
    params = known_params(asked)
    page = page_of(params)
    tags = _tags_in_use()
    return {
        "page": page,
        "params": params,
        "query": query_of(params),
        "reset_query": query_of({"sort": params.get("sort", "")}),
        "first_query": _page_query(params, 1),
        "previous_query": _page_query(params, page.number - 1),
        "next_query": _page_query(params, page.number + 1),
        "last_query": _page_query(params, page.pages),
        "columns": _columns(params),
        "sorts": SORTS,
        "sort": find.sort_of(params),
        "chips": _chips(params),
        "filters": _filters(params, tags),
        "known_tags": tags,
        "used_bytes": Archive.objects.aggregate(total=Sum("size_bytes"))["total"] or 0,
        "free_bytes": archive_store().free_bytes(),
    }


def known_params(asked: Mapping[str, str]) -> dict[str, str]:
    """Leave out what is empty, and what the list does not know."""
    known = (*find.FILTERS, "sort", "page")
    meant = {name: asked[name].strip() for name in known if asked.get(name, "").strip()}
    return {name: value for name, value in meant.items() if value in _WORDS.get(name, {value})}


def query_of(params: Mapping[str, str], **changes: str) -> str:
    """Return the query with some parameters changed; "" takes one away, and any the page."""
    changed = {**params, **({"page": ""} if changes else {}), **changes}
    return urlencode({name: value for name, value in changed.items() if value})


def _page_query(params: Mapping[str, str], number: int) -> str:
    return query_of(params, page=str(number) if number > 1 else "")


def _columns(params: Mapping[str, str]) -> list[Column]:
    sort = find.sort_of(params)
    labels = {
        "name": "Name",
        "container": "Container",
        "node": "Node",
        "size": "Size",
        "memory": "Memory",
        "made": "Made",
    }
    columns = []
    for name, label in labels.items():
        orders = {name: "ascending", f"-{name}": "descending"}
        first, second = (f"-{name}", name) if name in _DESCENDING_FIRST else (name, f"-{name}")
        query = query_of(params, sort=second if sort == first else first)
        columns.append(
            Column(
                name=name,
                label=label,
                order=orders.get(sort, ""),
                query=query,
                is_number=name in ("size", "memory"),
            )
        )
    return columns


def _chips(params: Mapping[str, str]) -> list[Chip]:
    return [
        Chip(
            label=_LABELS[name],
            value=_WORDS.get(name, {}).get(params[name], params[name]),
            query=query_of(params, **{name: ""}),
        )
        for name in find.FILTERS
        if name in params
    ]


def _tags_in_use() -> list[str]:
    in_use = Archive.tags.through.objects.filter(tag_id=OuterRef("pk"))
    return list(Tag.objects.filter(Exists(in_use)).values_list("name", flat=True))


def _filters(params: Mapping[str, str], tags: list[str]) -> list[dict[str, Any]]:
    """Return the choices of the form; what is filtered by is always one of them."""
    nodes = Archive.objects.order_by("node_name").values_list("node_name", flat=True).distinct()
    choices: list[tuple[str, str, Choices]] = [
        ("node", "Any node", [(name, name) for name in nodes if name]),
        ("age", "Any age", AGES),
        ("size", "Any size", SIZES),
        ("tag", "Any tag", [(name, name) for name in tags]),
        ("pinned", "Pinned or not", PINNED),
        ("origin", "Any origin", ORIGINS),
    ]
    filters = []
    for name, any_label, known in choices:
        chosen = params.get(name, "")
        unknown = [(chosen, chosen)] if chosen and chosen not in dict(known) else []
        filters.append(
            {"name": name, "any": any_label, "choices": known + unknown, "chosen": chosen}
        )
    return filters
