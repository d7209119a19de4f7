"""Containers as last observed, of one node and over the fleet."""

from __future__ import annotations

from typing import Any

from asgiref.sync import async_to_sync
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Router
from ninja.pagination import paginate

from nodes.api.auth import viewer
from nodes.api.pages import Pages
from nodes.api.schemas import ContainerOut, ProblemOut
from nodes.inventory.connect import open_session
from nodes.inventory.watcher import observe
from nodes.models import Node
from nodes.views.containers import find_containers

router = Router(tags=["containers"])


async def ask_for_containers(node: Node) -> None:
    """Observe the node's containers now. Raises what the node's session raises."""
    async with open_session(node) as session:
        await observe(session, node.pk)


@router.get(
    "/nodes/{int:pk}/containers",
    auth=viewer,
    response={200: list[ContainerOut], frozenset({409, 502}): ProblemOut},
)
def list_containers_of_node(request: HttpRequest, pk: int, refresh: bool = False) -> Any:
    """List what the node was last seen to have; with ``refresh`` ask the node now."""
    node = get_object_or_404(Node, pk=pk)
    if refresh:
        async_to_sync(ask_for_containers)(node)
    return node.containers.select_related("node")


@router.get("/containers", auth=viewer, response=list[ContainerOut])
@paginate(Pages)
def list_containers(request: HttpRequest, q: str = "", state: str = "", node: str = "") -> Any:
    """Find by ``q`` (name, image, beginning of an ID), ``state`` and ``node`` (its id or name)."""
    return find_containers({"q": q, "state": state, "node": node})
