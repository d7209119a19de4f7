"""What people, programs and the clock ask of schedules: keep, switch, run, end a run."""

from __future__ import annotations

import logging
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Max, QuerySet
from django.utils import timezone

from nodes.archives.change import Actor
from nodes.archives.retention import Judged, Rule, apply_rules
from nodes.audit import audit
from nodes.inventory.matching import choice_of, running_containers
from nodes.models import Archive, CatalogRetention, Container, Operation, Schedule, ScheduleRun
from nodes.operations.cron import latest_time, next_time
from nodes.operations.start import Refused
from nodes.operations.start_checkpoint import start_checkpoint
from nodes.podman.options import CheckpointOptions
from nodes.problem import FerryError

logger = logging.getLogger(__name__)


class ScheduleBusy(Refused):
    code = "schedule_busy"

    def __init__(self, schedule: Schedule, operation: Operation) -> None:
        super().__init__(
            f"{schedule.name} is in use by operation {operation.pk} ({operation}, "
            f"{operation.get_state_display().lower()}).",
            remedy="Wait for it, or cancel it first. Disable the schedule if it should not run.",
        )


def plan_next(schedule: Schedule, now: datetime) -> None:
    """Set, without saving it, when the schedule runs next: never while it is disabled."""
    zone = timezone.get_default_timezone()
    schedule.next_run_at = next_time(schedule.cron, now, zone) if schedule.enabled else None


def switch_schedule(user: Actor, schedule: Schedule, *, enabled: bool) -> None:
    schedule.enabled = enabled
    plan_next(schedule, timezone.now())
    schedule.save(update_fields=["enabled", "next_run_at"])
    audit(user, "schedule.edit", schedule, schedule=schedule.pk, enabled=enabled)


def delete_schedule(user: Actor, schedule: Schedule) -> None:
    """Forget a schedule and its runs; its archives and operations stay. Raises ScheduleBusy."""
    with transaction.atomic():
        # Held to the end, so that no operation of it begins meanwhile.
        Schedule.objects.select_for_update().filter(pk=schedule.pk).first()
        # Their archives are to be this schedule's: without it they could not be kept at all.
        if unfinished := schedule.operations.unfinished().first():
            raise ScheduleBusy(schedule, unfinished)
        audit(user, "schedule.delete", schedule, schedule=schedule.pk)
        schedule.delete()


def run_now(user: Actor, schedule: Schedule) -> ScheduleRun:
    """Run it once, now, whether it is enabled or not; its next time stays as it is."""
    # As one: a run without operations, seen by the clock meanwhile, would count as ended.
    with transaction.atomic():
        asked_by = user if isinstance(user, User) else None
        run = ScheduleRun.objects.create(schedule=schedule, asked_by=asked_by)
        Schedule.objects.filter(pk=schedule.pk).update(last_run_at=run.at)
        audit(user, "schedule.run", schedule, schedule=schedule.pk)
        carry_out(run, user)
    return run


def plan_again(now: datetime) -> None:
    """Set anew what is planned for later than its next time, as when the clock was wrong."""
    zone = timezone.get_default_timezone()
    for schedule in Schedule.objects.filter(enabled=True, next_run_at__gt=now):
        planned = schedule.next_run_at
        try:
            soonest = next_time(schedule.cron, now, zone)
        except Exception:
            # The others may have been planned wrongly, too.
            logger.exception("the schedule %s cannot be planned", schedule)
            continue
        if planned is not None and planned > soonest:
            logger.warning("%s was planned for %s: it is set to %s", schedule, planned, soonest)
            # Unless somebody has changed it meanwhile.
            Schedule.objects.filter(pk=schedule.pk, enabled=True, next_run_at=planned).update(
                next_run_at=soonest
            )


def run_what_is_due(now: datetime) -> list[ScheduleRun]:
    """Start the schedules whose time has come, each once, and return their runs."""
    runs = []
    for schedule in Schedule.objects.filter(enabled=True, next_run_at__lte=now):
        try:
            run = claim(schedule, now)
            if run is not None:
                carry_out(run, None)
                runs.append(run)
        except Exception:
            # The others' time has come, too.
            logger.exception("the schedule %s could not be run", schedule)
    return runs


def claim(schedule: Schedule, now: datetime) -> ScheduleRun | None:
    """Take the run that is due, or return None if somebody else has.

    Of times that were missed, as while the site was down, only the latest is made good.
    """
    due, zone = schedule.next_run_at, timezone.get_default_timezone()
    if due is None:
        return None
    with transaction.atomic():
        # Only one may move this time on. Should the site die right after it, the run is lost: a
        # container is rather left alone once than frozen twice.
        claimed = Schedule.objects.filter(pk=schedule.pk, enabled=True, next_run_at=due).update(
            next_run_at=next_time(schedule.cron, now, zone), last_run_at=now
        )
        if not claimed:
            return None
        missed = latest_time(schedule.cron, due, now, zone)
        return ScheduleRun.objects.create(schedule=schedule, due_at=missed)


def carry_out(run: ScheduleRun, user: Actor) -> None:
    """Start one checkpoint for each container that fits; note those that cannot be taken now."""
    schedule = run.schedule
    skipped = []
    for container in running_containers(choice_of(schedule)):
        reason = _begin(run, container, user)
        if reason:
            skipped.append(
                {"container": container.name, "node": container.node.name, "reason": reason}
            )
    run.skipped = skipped
    run.save(update_fields=["skipped"])
    logger.info("%s: %s started, %s skipped", run, run.operations.count(), len(skipped))


def _begin(run: ScheduleRun, container: Container, user: Actor) -> str:
    """Start a checkpoint and return "", or why not."""
    node = container.node
    if not node.is_online:
        return f"{node.name} is away: {node.get_state_display().lower()}."
    try:
        operation = start_checkpoint(
            user, container, options_of(run.schedule), schedule=run.schedule
        )
    except FerryError as error:
        return error.problem.message
    run.operations.add(operation)
    return ""


def options_of(schedule: Schedule) -> CheckpointOptions:
    return CheckpointOptions(
        leave_running=True,
        compress=schedule.compress,
        tcp_established=schedule.tcp_established,
        file_locks=schedule.file_locks,
        ignore_rootfs=schedule.ignore_rootfs,
        ignore_volumes=schedule.ignore_volumes,
    )


def open_runs() -> QuerySet[ScheduleRun]:
    """Return the runs after which the keep rules have not been applied yet."""
    return ScheduleRun.objects.filter(expired_at=None).select_related("schedule").order_by("pk")


def end_runs(now: datetime) -> list[Judged]:
    """Apply the keep rules after the runs whose operations have ended; return what went."""
    gone = []
    for run in open_runs():
        if Operation.objects.active().filter(schedule_runs=run).exists():
            continue
        went = [] if clock_is_behind(now) else expire(run.schedule, now)
        ScheduleRun.objects.filter(pk=run.pk).update(expired_at=now, expired=len(went))
        gone += went
    return gone


def clock_is_behind(now: datetime) -> bool:
    """Tell whether an archive is of a later time, so that nobody knows how old any of them is."""
    newest = Archive.objects.aggregate(at=Max("created_at"))["at"]
    return newest is not None and newest > now


def expire_everything(now: datetime) -> list[Judged]:
    """Apply the keep rules of all schedules and of the catalog; return what went.

    With a clock that is behind nothing goes.
    """
    if clock_is_behind(now):
        logger.warning("The clock is before the newest archive's time: no archive expires.")
        return []
    rules: list[Rule] = [*Schedule.objects.all(), CatalogRetention.load()]
    return [judged for rule in rules for judged in expire(rule, now)]


def expire(rule: Rule, now: datetime) -> list[Judged]:
    try:
        return apply_rules(rule, now=now)
    except Exception:
        # The other rules have work to do, too; this one is tried again within the hour.
        logger.exception("the keep rules of %s could not be applied", rule)
        return []
