"""Schedules, their runs, and which archives stay."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.forms import model_to_dict
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from ninja import Router, Status
from ninja.pagination import paginate

from nodes.api.auth import archive_deleter, operator, viewer
from nodes.api.pages import Pages
from nodes.api.problems import InvalidForm
from nodes.api.references import Reference, find_node
from nodes.api.schedule_schemas import (
    KeepRulesIn,
    RetentionOut,
    RunOut,
    ScheduleIn,
    ScheduleOut,
    SchedulePatch,
)
from nodes.api.schemas import ProblemOut
from nodes.archives.retention import Preview, preview
from nodes.models import CatalogRetention, Schedule
from nodes.operations.scheduler import scheduler
from nodes.operations.schedules import delete_schedule, run_now
from nodes.views.schedule import schedules_with_sizes
from nodes.views.schedule_forms import (
    KEEP_FIELDS,
    CatalogRetentionForm,
    ScheduleForm,
    save_catalog_retention,
    save_schedule,
)

router = Router(tags=["schedules"])


@router.get("/schedules", auth=viewer, response=list[ScheduleOut])
@paginate(Pages)
def list_schedules(request: HttpRequest) -> Any:
    return schedules_with_sizes().prefetch_related("nodes").select_related("created_by")


@router.post("/schedules", auth=operator, response={201: ScheduleOut, 422: ProblemOut})
def create_schedule(request: HttpRequest, body: ScheduleIn, response: HttpResponse) -> Any:
    schedule = _save(request, {**body.dict(), "nodes": _node_ids(body.nodes)}, Schedule())
    response["Location"] = f"{request.path}/{schedule.pk}"
    return Status(201, _schedule(schedule.pk))


@router.get("/schedules/{int:pk}", auth=viewer, response=ScheduleOut)
def get_schedule(request: HttpRequest, pk: int) -> Any:
    return _schedule(pk)


@router.patch("/schedules/{int:pk}", auth=operator, response={200: ScheduleOut, 422: ProblemOut})
def change_schedule(request: HttpRequest, pk: int, body: SchedulePatch) -> Any:
    """Change what is sent; a rule that is sent as null is taken away."""
    schedule = get_object_or_404(Schedule, pk=pk)
    given = body.dict(exclude_unset=True)
    if body.nodes is not None:
        given["nodes"] = _node_ids(body.nodes)
    present = {**model_to_dict(schedule), "nodes": [node.pk for node in schedule.nodes.all()]}
    _save(request, {**present, **given}, schedule)
    return _schedule(pk)


@router.delete("/schedules/{int:pk}", auth=operator, response={204: None, 409: ProblemOut})
def remove_schedule(request: HttpRequest, pk: int) -> Any:
    """Forget the schedule and its runs; its archives stay. Refused while it has work under way."""
    delete_schedule(request.user, get_object_or_404(Schedule, pk=pk))
    return Status(204, None)


@router.post("/schedules/{int:pk}/run", auth=operator, response={202: RunOut})
def run_schedule(request: HttpRequest, pk: int) -> Any:
    """Run it once now, whether it is enabled or not; look at its operations for how they go on."""
    run = run_now(request.user, get_object_or_404(Schedule, pk=pk))
    scheduler.wake()
    return Status(202, run)


@router.get("/schedules/{int:pk}/runs", auth=viewer, response=list[RunOut])
@paginate(Pages)
def list_runs(request: HttpRequest, pk: int) -> Any:
    """List when it ran and what came of it, the latest first."""
    schedule = get_object_or_404(Schedule, pk=pk)
    return schedule.runs.select_related("asked_by").prefetch_related("operations")


@router.get("/schedules/{int:pk}/retention", auth=viewer, response=RetentionOut)
def preview_schedule(request: HttpRequest, pk: int) -> Any:
    """Tell what would be deleted of the schedule's archives, and why; nothing is changed."""
    return _told(preview(get_object_or_404(Schedule, pk=pk), now=timezone.now()))


@router.get("/archives/retention", auth=viewer, response=RetentionOut)
def preview_catalog(request: HttpRequest) -> Any:
    """Tell what would be deleted of the archives that belong to no schedule, and why."""
    return _told(preview(CatalogRetention.load(), now=timezone.now()))


@router.put(
    "/archives/retention", auth=archive_deleter, response={200: RetentionOut, 422: ProblemOut}
)
def change_catalog(request: HttpRequest, body: KeepRulesIn) -> Any:
    """Set the rule for archives that belong to no schedule; it is applied within the hour."""
    form = CatalogRetentionForm(body.dict(), instance=CatalogRetention.load())
    if not form.is_valid():
        raise InvalidForm(form)
    return _told(preview(save_catalog_retention(request.user, form), now=timezone.now()))


def _schedule(pk: int) -> Schedule:
    return get_object_or_404(schedules_with_sizes(), pk=pk)


def _save(request: HttpRequest, values: dict[str, Any], schedule: Schedule) -> Schedule:
    form = ScheduleForm(values, instance=schedule)
    if not form.is_valid():
        raise InvalidForm(form)
    return save_schedule(request.user, form)


def _node_ids(references: Iterable[Reference]) -> list[int]:
    return [find_node(reference, "nodes").pk for reference in references]


def _told(found: Preview) -> dict[str, Any]:
    return {
        "rules": {name: getattr(found.rules, name) for name in KEEP_FIELDS},
        "archives": [
            {
                "archive": judged.archive.pk,
                "name": judged.archive.name,
                "container": judged.archive.container_name,
                "node_name": judged.archive.node_name,
                "created_at": judged.archive.created_at,
                "size_bytes": judged.archive.size_bytes,
                "keep": judged.keep,
                "reason": judged.reason,
                "protected": judged.protected,
            }
            for judged in found.judged
        ],
        "deleted": len(found.going),
        "deleted_bytes": found.going_bytes,
        "kept": len(found.staying),
        "kept_bytes": found.staying_bytes,
    }
