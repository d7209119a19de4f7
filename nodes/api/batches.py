"""Batches: plan, start, look at, pause, resume, cancel, retry, bring back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from ninja import Router, Status
from ninja.pagination import paginate

from nodes.api.auth import operator, viewer
from nodes.api.batch_schemas import BatchDetailOut, BatchIn, BatchOut, BatchPlanOut
from nodes.api.pages import Pages
from nodes.api.problems import Unprocessable
from nodes.api.references import find_container, find_node
from nodes.api.schemas import ProblemOut
from nodes.models import Batch, BatchItem, Container, Node
from nodes.operations import batches
from nodes.operations.batch_plan import plan_batch
from nodes.operations.batch_request import (
    BatchRequest,
    evacuation_of,
    migration_of,
    way_back_of,
)
from nodes.podman.options import MigrationOptions
from nodes.views.batch import batches_with_counts, get_batch

router = Router(tags=["batches"])
_REFUSED = frozenset({409, 422, 502})
_CONFLICT = {202: BatchDetailOut, 409: ProblemOut}


@router.get("", auth=viewer, response=list[BatchOut])
@paginate(Pages)
def list_batches(request: HttpRequest) -> Any:
    """List batches, the newest first."""
    return batches_with_counts()


@router.post("/plan", auth=operator, response={200: BatchPlanOut, _REFUSED: ProblemOut})
def plan(request: HttpRequest, body: BatchIn) -> Any:
    """Ask the nodes now where each container would go, and change nothing."""
    return BatchPlanOut.of(plan_batch(_request_of(body)))


@router.post("", auth=operator, response={202: BatchDetailOut, _REFUSED: ProblemOut})
def start(request: HttpRequest, body: BatchIn, response: HttpResponse) -> Any:
    """Plan and begin; what cannot move is kept in it as skipped, with the reason."""
    batch = batches.start_batch(
        request.user,
        plan_batch(_request_of(body)),
        parallelism=body.parallelism,
        pause_on_failure=body.pause_on_failure,
    )
    response["Location"] = f"{request.path}/{batch.pk}"
    return Status(202, get_batch(batch.pk))


@router.get("/{int:pk}", auth=viewer, response=BatchDetailOut)
def get(request: HttpRequest, pk: int) -> Any:
    return get_batch(pk)


@router.post("/{int:pk}/pause", auth=operator, response=_CONFLICT)
def pause(request: HttpRequest, pk: int) -> Any:
    """Begin nothing new; what is under way goes on."""
    batches.pause(request.user, get_batch(pk))
    return Status(202, get_batch(pk))


@router.post("/{int:pk}/resume", auth=operator, response=_CONFLICT)
def resume(request: HttpRequest, pk: int) -> Any:
    batches.resume(request.user, get_batch(pk))
    return Status(202, get_batch(pk))


@router.post("/{int:pk}/cancel", auth=operator, response=_CONFLICT)
def cancel(request: HttpRequest, pk: int, stop_running: bool = False) -> Any:
    """Leave what waits where it is; with ``stop_running`` roll back what is under way, too."""
    batches.cancel(request.user, get_batch(pk), stop_running=stop_running)
    return Status(202, get_batch(pk))


@router.post("/{int:pk}/retry", auth=operator, response=_CONFLICT)
def retry(request: HttpRequest, pk: int) -> Any:
    """Have those that failed begin again; in a paused batch once it is resumed."""
    batches.retry(request.user, get_batch(pk))
    return Status(202, get_batch(pk))


@router.post("/{int:pk}/items/{int:item}/skip", auth=operator, response=_CONFLICT)
def skip(request: HttpRequest, pk: int, item: int) -> Any:
    """Leave a container that still waits where it is."""
    found = get_object_or_404(BatchItem.objects.select_related("batch"), pk=item, batch_id=pk)
    batches.skip(request.user, found)
    return Status(202, get_batch(pk))


@router.post(
    "/{int:pk}/bring-back", auth=operator, response={202: BatchDetailOut, _REFUSED: ProblemOut}
)
def bring_back(request: HttpRequest, pk: int, response: HttpResponse) -> Any:
    """Start a batch that brings back what this one has moved and what still is there."""
    former: Batch = get_batch(pk)
    batch = batches.start_batch(
        request.user,
        plan_batch(way_back_of(former)),
        parallelism=former.parallelism,
        pause_on_failure=former.pause_on_failure,
    )
    response["Location"] = f"/api/v1/batches/{batch.pk}"
    return Status(202, get_batch(batch.pk))


def _request_of(body: BatchIn) -> BatchRequest:
    try:
        options = MigrationOptions.parse(body.options)
    except ValueError as error:
        raise Unprocessable(f"{error}.", code="invalid_option", field="options") from error
    request = _selection(body)
    return replace(request, options=options, wanted=_wanted(body, request.containers))


def _selection(body: BatchIn) -> BatchRequest:
    if body.kind == "evacuate":
        if body.containers:
            message = "An evacuation takes all containers of its node; leave some by destinations."
            raise Unprocessable(message, field="containers")
        return evacuation_of(find_node(body.node, "node"))
    if body.node is not None:
        raise Unprocessable("Each of the containers has a node of its own.", field="node")
    found = [
        find_container(each.container, find_node(each.node, "containers"))
        for each in body.containers
    ]
    # Named twice it is still one.
    return migration_of({container.pk: container for container in found}.values())


def _wanted(body: BatchIn, containers: Iterable[Container]) -> dict[int, Node | None]:
    wanted: dict[int, Node | None] = {}
    known = list(containers)
    for name, reference in body.destinations.items():
        fitting = [each for each in known if name in (each.name, each.podman_id)]
        if len(fitting) != 1:
            how_many = f"{len(fitting)} containers fit" if fitting else "No container fits"
            raise Unprocessable(
                f"{how_many} {name[:80]!r}.",
                code="ambiguous_container" if fitting else "unknown_container",
                remedy="Name each of the batch's containers by its name or Podman's whole ID.",
                field="destinations",
            )
        node = find_node(reference, "destinations") if reference is not None else None
        wanted[fitting[0].pk] = node
    return wanted
