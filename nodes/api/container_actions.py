"""Start, stop, restart, pause, rename and remove containers."""

from __future__ import annotations

from typing import Any, Literal

from asgiref.sync import async_to_sync
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Router, Schema, Status
from pydantic import ConfigDict

from nodes.api.auth import operator
from nodes.api.problems import InvalidForm
from nodes.api.references import find_container
from nodes.api.schemas import ContainerOut, ProblemOut
from nodes.forms import ContainerActionForm
from nodes.models import Node
from nodes.operations.action_request import Action
from nodes.operations.container_action import act

router = Router(tags=["containers"])
_REFUSED = frozenset({404, 409, 422, 502})


class ActionIn(Schema):
    """``time``: seconds to end by itself; ``name``: the new one; ``force``: remove a running one.

    With ``force`` a copy is started although the container runs on another node or went there, and
    it is started or removed although an operation could still bring it back with its memory.
    """

    model_config = ConfigDict(extra="forbid")

    action: Literal["start", "stop", "restart", "pause", "unpause", "rename", "remove"]
    name: str | None = None
    time: int | None = None
    force: bool = False


@router.post(
    "/nodes/{int:pk}/containers/{podman_id}/actions",
    auth=operator,
    response={200: ContainerOut, 204: None, _REFUSED: ProblemOut},
)
def act_on_container(request: HttpRequest, pk: int, podman_id: str, body: ActionIn) -> Any:
    """Do it now and answer what the container is afterwards; 204 when it is gone."""
    node = get_object_or_404(Node, pk=pk)
    container = find_container(podman_id, node)
    given = body.model_dump(exclude={"action"}, exclude_none=True)
    form = ContainerActionForm(Action(body.action), container, given)
    if not form.is_valid():
        raise InvalidForm(form)
    done = async_to_sync(act)(request.user, container, form.request)
    return Status(200, done.container) if done.container is not None else Status(204, None)
