"""Schedules: all of them, one with its runs and archives, and changing them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.db.models import Count, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from nodes.archives.retention import preview
from nodes.inventory.matching import Choice, choice_of, running_containers
from nodes.models import Archive, Schedule, ScheduleRun
from nodes.operations.cron import BadCron, check_cron, in_words, next_times
from nodes.operations.scheduler import scheduler
from nodes.operations.schedules import (
    ScheduleBusy,
    delete_schedule,
    options_of,
    run_now,
    switch_schedule,
)
from nodes.templatetags.operations import options_used
from nodes.views.access import operator, viewer
from nodes.views.answers import UNPROCESSABLE
from nodes.views.schedule_forms import ScheduleForm, save_schedule
from nodes.views.undo import say_with_undo

NEXT_TIMES = 5
RECENT_RUNS = 20
RECENT_ARCHIVES = 10


def schedules_with_sizes() -> QuerySet[Schedule]:
    """Annotate each with ``archive_count`` and ``archive_bytes`` of what it holds."""
    own = Archive.objects.filter(schedule=OuterRef("pk")).order_by().values("schedule")
    return Schedule.objects.annotate(
        archive_count=Coalesce(Subquery(own.annotate(count=Count("pk")).values("count")), 0),
        archive_bytes=Coalesce(Subquery(own.annotate(sum=Sum("size_bytes")).values("sum")), 0),
    )


def runs_of(schedule: Schedule) -> QuerySet[ScheduleRun]:
    runs = schedule.runs.select_related("asked_by")
    return runs.prefetch_related("operations__archive")


@viewer
@require_GET
def schedule_list(request: HttpRequest) -> HttpResponse:
    schedules = list(schedules_with_sizes().prefetch_related("nodes"))
    for schedule in schedules:
        schedule.last_run = runs_of(schedule).first()  # type: ignore[attr-defined]
    zone = timezone.get_default_timezone_name()
    return render(request, "schedules/list.html", {"schedules": schedules, "zone": zone})


@viewer
@require_GET
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    schedule = get_object_or_404(schedules_with_sizes(), pk=pk)
    return render(request, "schedules/detail.html", schedule_context(schedule))


def schedule_context(schedule: Schedule) -> dict[str, Any]:
    now = timezone.now()
    runs = list(runs_of(schedule)[:RECENT_RUNS])
    return {
        "schedule": schedule,
        "apply_url": reverse("schedule-apply", args=[schedule.pk]),
        "options": options_used({**options_of(schedule).as_dict(), "leave_running": False}),
        "runs": runs,
        "under_way": any(each.is_active for run in runs for each in run.operations.all()),
        "containers": running_containers(choice_of(schedule)),
        "archives": schedule.archives.all()[:RECENT_ARCHIVES],
        "preview": preview(schedule, now=now),
        **when_context(schedule.cron, now),
    }


def when_context(cron: str, now: datetime) -> dict[str, Any]:
    """Say when an expression is, in words and by its next times, or why it is none."""
    zone = timezone.get_default_timezone()
    context: dict[str, Any] = {"zone": timezone.get_default_timezone_name()}
    try:
        check_cron(cron)
    except BadCron as error:
        return {**context, "cron_problem": str(error)} if cron.strip() else context
    return {
        **context,
        "in_words": in_words(cron),
        "next_times": next_times(cron, now, zone, NEXT_TIMES),
    }


@operator
@require_http_methods(["GET", "POST"])
def add(request: HttpRequest) -> HttpResponse:
    """Ask for a new schedule; a POST with ``preview`` only shows what it would be for."""
    initial = {"enabled": True, "compress": "zstd", "keep_last": 3}
    form = ScheduleForm(_sent(request), initial=initial)
    return _edit(request, form, None)


@operator
@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    schedule = get_object_or_404(Schedule, pk=pk)
    return _edit(request, ScheduleForm(_sent(request), instance=schedule), schedule)


def _sent(request: HttpRequest) -> QueryDict | None:
    return request.POST if request.method == "POST" else None


def _edit(request: HttpRequest, form: ScheduleForm, schedule: Schedule | None) -> HttpResponse:
    is_post = request.method == "POST"
    is_preview = "preview" in request.POST
    if is_post and form.is_valid() and not is_preview:
        return redirect(save_schedule(request.user, form))
    if is_post:
        choice = form.choice
        cron = " ".join(request.POST.get("cron", "").split())
    else:
        choice = choice_of(schedule) if schedule else Choice()
        cron = schedule.cron if schedule else ""
    context = {
        "form": form,
        "schedule": schedule,
        "containers": running_containers(choice),
        "unclear": any(name in form.errors for name in ("names", "label", "nodes")),
        **when_context(cron, timezone.now()),
    }
    status = UNPROCESSABLE if is_post and not is_preview else 200
    return render(request, "schedules/form.html", context, status=status)


@operator
@require_http_methods(["GET", "POST"])
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Forget the schedule; its archives stay. Refused while an operation of it is under way."""
    schedule = get_object_or_404(schedules_with_sizes(), pk=pk)
    context: dict[str, Any] = {"schedule": schedule}
    if request.method == "POST":
        try:
            delete_schedule(request.user, schedule)
        except ScheduleBusy as error:
            context["problem"] = error.problem
            return render(request, "schedules/delete.html", context, status=UNPROCESSABLE)
        messages.success(request, f"{schedule.name} was deleted. Its archives were kept.")
        return redirect("schedule-list")
    return render(request, "schedules/delete.html", context)


@operator
@require_POST
def run(request: HttpRequest, pk: int) -> HttpResponse:
    schedule = get_object_or_404(Schedule, pk=pk)
    done = run_now(request.user, schedule)
    scheduler.wake()
    started, skipped = done.operations.count(), len(done.skipped)
    if started:
        rest = f" {skipped} could not be taken now." if skipped else ""
        word = "checkpoint was" if started == 1 else "checkpoints were"
        messages.success(request, f"{started} {word} started.{rest}")
    elif skipped:
        messages.warning(request, "Nothing was started: see the run for the reasons.")
    else:
        messages.warning(request, "No running container fits, so nothing was started.")
    return redirect(schedule)


@operator
@require_POST
def switch(request: HttpRequest, pk: int) -> HttpResponse:
    """Enable the schedule, or with ``enabled`` empty or missing disable it."""
    schedule = get_object_or_404(Schedule, pk=pk)
    switch_schedule(request.user, schedule, enabled=bool(request.POST.get("enabled")))
    scheduler.wake()
    came_from = request.POST.get("from", "")
    back = [("from", came_from), ("enabled", "" if schedule.enabled else "on")]
    word = "enabled" if schedule.enabled else "disabled: it does not run until it is enabled"
    say_with_undo(
        request, f"{schedule.name} is {word}.", reverse("schedule-switch", args=[pk]), back
    )
    return redirect("schedule-list" if came_from == "list" else schedule)
