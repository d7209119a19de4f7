"""Nodes: add, look at, change, remove."""

from __future__ import annotations

from typing import Any

from asgiref.sync import async_to_sync
from django.forms import model_to_dict
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from ninja import Router, Schema, Status
from ninja.pagination import paginate
from pydantic import ConfigDict, SecretStr

from nodes.api.auth import admin, operator, viewer
from nodes.api.errors import node_problem_response
from nodes.api.pages import Pages
from nodes.api.problems import InvalidForm, Unprocessable, problem_response
from nodes.api.schemas import FindingsOut, NodeEventOut, NodeOut, ProblemOut
from nodes.forms import NodeForm
from nodes.inventory.membership import (
    add_node,
    change_node,
    look_now,
    pin_host_key,
    refuse_while_busy,
    remove_node,
)
from nodes.inventory.readiness import PodmanFailed, PodmanMissing
from nodes.models import Node
from nodes.problem import Problem
from nodes.ssh.host_key import HostKey, fetch_host_key, parse_host_key

router = Router(tags=["nodes"])


class HostKeyIn(Schema):
    """A host key as the 409 tells it; its text alone will do."""

    key: str
    fingerprint: str = ""


class NodeIn(Schema):
    model_config = ConfigDict(extra="forbid")

    name: str
    host: str
    port: int = 22
    user: str = "root"
    sudo: bool = False
    tags: list[str] = []
    host_key: HostKeyIn | str | None = None
    # Used once to authorise the site's key on the host, then forgotten.
    password: SecretStr | None = None


class NodePatch(Schema):
    model_config = ConfigDict(extra="forbid")

    name: str | None = None
    host: str | None = None
    port: int | None = None
    user: str | None = None
    sudo: bool | None = None
    tags: list[str] = []
    host_key: HostKeyIn | str | None = None


@router.get("", auth=viewer, response=list[NodeOut])
def list_nodes(request: HttpRequest, tag: str = "") -> Any:
    """List all nodes, or those with a tag."""
    return [node for node in Node.objects.all() if tag in ("", *node.tags)]


@router.post("", auth=admin, response={201: NodeOut, frozenset({409, 422, 502}): ProblemOut})
def create_node(request: HttpRequest, body: NodeIn, response: HttpResponse) -> Any:
    """Add a node; without ``host_key`` answer 409 with the key that the host shows, to confirm."""
    form = NodeForm(body.dict(exclude={"host_key", "password"}))
    if not form.is_valid():
        raise InvalidForm(form)
    node: Node = form.save(commit=False)
    if body.host_key is None:
        return _unconfirmed(node, async_to_sync(fetch_host_key)(node.name, node.host, node.port))
    node.host_key = _host_key(body.host_key)
    password = body.password.get_secret_value() if body.password else ""
    add_node(request.user, node, password=password)
    response["Location"] = f"{request.path}/{node.pk}"
    return Status(201, node)


@router.get("/{int:pk}", auth=viewer, response=NodeOut)
def get_node(request: HttpRequest, pk: int) -> Any:
    return get_object_or_404(Node, pk=pk)


@router.patch("/{int:pk}", auth=admin, response={200: NodeOut, frozenset({409, 422}): ProblemOut})
def change(request: HttpRequest, pk: int, body: NodePatch) -> Any:
    """Change what is sent; a new ``host_key`` replaces the pinned one.

    Refused while an operation needs the node, unless the node stays where it is.
    """
    node = get_object_or_404(Node, pk=pk)
    given = body.dict(exclude_unset=True, exclude={"host_key"})
    host_key = None if body.host_key is None else _host_key(body.host_key)
    if host_key is not None:
        # Before anything is changed: a refused call changes nothing.
        refuse_while_busy(node)
    if given:
        form = NodeForm({**model_to_dict(node), **given}, instance=node)
        if not form.is_valid():
            raise InvalidForm(form)
        change_node(request.user, node, sorted(given))
    if host_key is not None:
        pin_host_key(request.user, node, host_key)
    return node


@router.delete("/{int:pk}", auth=admin, response={204: None, 409: ProblemOut})
def remove(request: HttpRequest, pk: int) -> Any:
    """Forget a node; nothing on the host changes. Refused while an operation needs it."""
    remove_node(request.user, get_object_or_404(Node, pk=pk))
    return Status(204, None)


@router.post(
    "/{int:pk}/readiness",
    auth=operator,
    response={200: FindingsOut, frozenset({409, 502}): ProblemOut},
)
def readiness(request: HttpRequest, pk: int) -> Any:
    """Ask the node now whether it can checkpoint and restore; without Podman it cannot, yet."""
    node = get_object_or_404(Node, pk=pk)
    look_now(node)
    podman = (PodmanMissing.code, PodmanFailed.code)
    if not node.is_online and node.problem.get("code") not in podman:
        return node_problem_response(node.state, node.problem)
    return {"findings": node.findings}


@router.get("/{int:pk}/history", auth=viewer, response=list[NodeEventOut])
@paginate(Pages)
def list_history(request: HttpRequest, pk: int) -> Any:
    """List what has changed on the node, the latest first."""
    return get_object_or_404(Node, pk=pk).events.all()


def _host_key(given: HostKeyIn | str) -> str:
    text = given if isinstance(given, str) else given.key
    key = parse_host_key(text)
    if key is None:
        raise Unprocessable("This is not a public host key.", field="host_key")
    if isinstance(given, HostKeyIn) and given.fingerprint not in ("", key.fingerprint):
        raise Unprocessable("The fingerprint is that of another key.", field="host_key")
    return key.key


def _unconfirmed(node: Node, found: HostKey) -> HttpResponse:
    problem = Problem(
        code="host_key_unconfirmed",
        message=f"The host key of {node.host} has not been confirmed, so nothing was added.",
        remedy=(
            "Compare the fingerprint with `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` on "
            "the host's own console, then send the same request with host_key."
        ),
    )
    host_key = {"fingerprint": found.fingerprint, "key": found.key}
    return problem_response(409, problem, extra={"host_key": host_key})
