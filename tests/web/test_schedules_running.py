"""A schedule runs once for each of its times, takes what it can, and says what it could not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from nodes.models import (
    Archive,
    AuditEvent,
    Container,
    Node,
    NodeState,
    Operation,
    OperationKind,
    OperationState,
    Schedule,
    ScheduleRun,
)
from nodes.operations import scheduler
from nodes.operations.scheduler import EXPIRE_EVERY, LOOK_EVERY_S, Scheduler
from nodes.operations.schedules import claim, plan_next, run_what_is_due
from tests.factories import make_archive, make_container, make_node, make_operation, make_schedule

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("archives_folder")]
DUE = datetime(2026, 11, 25, 3, 0, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


def due_schedule(**values: Any) -> Schedule:
    return make_schedule(**{"next_run_at": DUE, **values})


def started() -> list[str]:
    return sorted(Operation.objects.values_list("container_name", flat=True))


def end_all(state: OperationState = OperationState.SUCCEEDED) -> None:
    Operation.objects.update(state=state)


def test_it_starts_a_checkpoint_that_leaves_the_container_running(counter: Container) -> None:
    schedule = due_schedule(compress="gzip", tcp_established=True)
    run_what_is_due(DUE)
    operation = Operation.objects.get()
    assert (operation.kind, operation.state) == (OperationKind.CHECKPOINT, OperationState.QUEUED)
    assert (operation.container_name, operation.source_name) == ("counter", "alder")
    assert (operation.schedule, operation.created_by) == (schedule, None)
    assert operation.options["leave_running"] is True
    assert operation.options["compress"] == "gzip"
    assert operation.options["tcp_established"] is True
    assert list(ScheduleRun.objects.get().operations.all()) == [operation]


def test_nothing_happens_before_its_time(counter: Container) -> None:
    schedule = due_schedule()
    assert run_what_is_due(DUE - SECOND) == []
    schedule.refresh_from_db()
    assert schedule.next_run_at == DUE
    assert schedule.last_run_at is None


def test_it_runs_once_for_one_time(counter: Container) -> None:
    schedule = due_schedule()
    assert len(run_what_is_due(DUE)) == 1
    end_all()
    assert run_what_is_due(DUE + MINUTE) == []
    schedule.refresh_from_db()
    assert schedule.last_run_at == DUE
    assert schedule.next_run_at == DUE + 24 * HOUR


def test_of_two_that_claim_the_same_time_one_gets_it() -> None:
    schedule = due_schedule()
    other = Schedule.objects.get(pk=schedule.pk)
    assert claim(schedule, DUE) is not None
    assert claim(other, DUE) is None
    assert ScheduleRun.objects.count() == 1


def test_a_schedule_that_was_disabled_meanwhile_is_not_claimed() -> None:
    schedule = due_schedule()
    Schedule.objects.update(enabled=False)
    assert claim(schedule, DUE) is None


def test_a_missed_time_is_made_good(counter: Container) -> None:
    due_schedule()
    (run,) = run_what_is_due(DUE + 5 * HOUR)
    assert run.due_at == DUE
    assert started() == ["counter"]


def test_many_missed_times_are_made_good_once(counter: Container) -> None:
    schedule = due_schedule(cron="0 * * * *")
    (run,) = run_what_is_due(DUE + 5 * HOUR + 10 * MINUTE)
    assert run.due_at == DUE + 5 * HOUR
    end_all()
    assert run_what_is_due(DUE + 5 * HOUR + 11 * MINUTE) == []
    schedule.refresh_from_db()
    assert schedule.next_run_at == DUE + 6 * HOUR


def test_a_disabled_schedule_has_no_next_time() -> None:
    schedule = make_schedule(enabled=False)
    plan_next(schedule, DUE)
    assert schedule.next_run_at is None


def test_times_are_those_of_the_sites_zone(settings: Any) -> None:
    settings.TIME_ZONE = "Asia/Tokyo"
    schedule = make_schedule()
    plan_next(schedule, DUE)
    assert schedule.next_run_at == datetime(2026, 11, 25, 18, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "choice, expected",
    [
        ({}, ["app", "app", "batch", "db"]),
        ({"names": ["app"]}, ["app", "app"]),
        ({"names": ["a*", "d?"]}, ["app", "app", "db"]),
        ({"names": ["nothing"]}, []),
        ({"label": "team"}, ["app", "db"]),
        ({"label": "team=a"}, ["app"]),
        ({"label": "team="}, []),
        ({"names": ["app"], "label": "team=b"}, []),
    ],
)
def test_it_takes_the_running_containers_that_fit(
    choice: dict[str, Any], expected: list[str]
) -> None:
    alder, birch = make_node("alder"), make_node("birch")
    for number, (node, name, labels) in enumerate(
        [(alder, "app", {"team": "a"}), (birch, "app", {}), (alder, "db", {"team": "b"}),
         (birch, "batch", {"other": "x"})]
    ):  # fmt: skip
        make_container(node, name, podman_id=f"{number:064x}", labels=labels)
    make_container(alder, "app-stopped", podman_id="f" * 64, state="exited", labels={"team": "a"})
    due_schedule(**choice)
    run_what_is_due(DUE)
    assert started() == expected


def test_it_takes_only_those_of_its_nodes(counter: Container) -> None:
    birch = Node.objects.get(name="birch")
    make_container(birch, "other", podman_id="b" * 64)
    due_schedule().nodes.add(birch)
    run_what_is_due(DUE)
    assert started() == ["other"]


def test_a_busy_container_is_skipped_and_the_others_are_not(counter: Container) -> None:
    make_container(counter.node, "other", podman_id="b" * 64)
    busy = make_operation(counter.node, Node.objects.get(name="birch"))
    due_schedule()
    (run,) = run_what_is_due(DUE)
    (skipped,) = run.skipped
    assert (skipped["container"], skipped["node"]) == ("counter", "alder")
    assert f"already in operation {busy.pk}" in skipped["reason"]
    assert [each.container_name for each in run.operations.all()] == ["other"]


def test_a_container_on_a_node_that_is_away_is_skipped(counter: Container) -> None:
    Node.objects.filter(name="alder").update(state=NodeState.UNREACHABLE)
    due_schedule()
    (run,) = run_what_is_due(DUE)
    assert run.skipped == [
        {"container": "counter", "node": "alder", "reason": "alder is away: unreachable."}
    ]
    assert started() == []


def test_a_schedule_that_fails_does_not_hold_up_the_others(counter: Container) -> None:
    # Such a row can only be made by hand.
    due_schedule(name="a broken one", cron="never")
    due_schedule(name="b good one")
    assert [run.schedule.name for run in run_what_is_due(DUE)] == ["b good one"]


def archive_of(schedule: Schedule, made_at: datetime) -> Archive:
    made = make_archive(schedule=schedule)
    Archive.objects.filter(pk=made.pk).update(created_at=made_at)
    return made


@pytest.fixture
def long_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the site have run for so long that the keep rules may be applied."""
    monkeypatch.setattr(scheduler, "EXPIRE_AFTER_START_S", 0.0)


@pytest.mark.usefixtures("long_started")
def test_the_keep_rules_wait_for_the_operations_of_the_run(counter: Container) -> None:
    schedule = due_schedule(keep_last=1)
    for days in (1, 2):
        archive_of(schedule, DUE - timedelta(days=days))
    clock = Scheduler()
    clock.turn(DUE - HOUR)
    assert Archive.objects.count() == 1
    clock.turn(DUE)
    assert ScheduleRun.objects.get().expired_at is None
    assert clock.delay_s(DUE) < LOOK_EVERY_S
    archive_of(schedule, DUE + SECOND)
    end_all()
    clock.turn(DUE + MINUTE)
    run = ScheduleRun.objects.get()
    assert (run.expired_at, run.expired) == (DUE + MINUTE, 1)
    assert Archive.objects.count() == 1


def test_right_after_a_start_nothing_expires(counter: Container) -> None:
    schedule = make_schedule(keep_last=1)
    for _ in range(2):
        archive_of(schedule, DUE - HOUR)
    Scheduler().turn(DUE)
    assert Archive.objects.count() == 2


@pytest.mark.usefixtures("long_started")
def test_with_a_clock_before_the_newest_archive_nothing_expires(
    counter: Container, caplog: pytest.LogCaptureFixture
) -> None:
    schedule = make_schedule(keep_last=1)
    for _ in range(2):
        archive_of(schedule, DUE)
    clock = Scheduler()
    clock.turn(DUE - timedelta(days=400))
    assert Archive.objects.count() == 2
    assert "The clock is before the newest archive" in caplog.text
    clock.turn(DUE)
    assert Archive.objects.count() == 1


def test_after_a_run_with_a_clock_that_is_behind_the_new_archive_stays(counter: Container) -> None:
    schedule = due_schedule(keep_last=1)
    archive_of(schedule, DUE + timedelta(days=1))
    clock = Scheduler()
    clock.turn(DUE)
    archive_of(schedule, DUE)
    end_all()
    clock.turn(DUE + MINUTE)
    assert ScheduleRun.objects.get().expired == 0
    assert Archive.objects.count() == 2


def test_a_time_planned_by_a_wrong_clock_is_set_anew(counter: Container) -> None:
    schedule = make_schedule(next_run_at=DUE + timedelta(days=4000))
    broken = make_schedule("a broken one", cron="never", next_run_at=DUE + HOUR)
    clock = Scheduler()
    clock.turn(DUE - MINUTE)
    schedule.refresh_from_db()
    assert schedule.next_run_at == DUE
    clock.turn(DUE)
    assert started() == ["counter"]
    broken.refresh_from_db()
    assert broken.next_run_at == DUE + HOUR


@pytest.mark.usefixtures("long_started")
def test_the_keep_rules_are_applied_every_hour(counter: Container) -> None:
    schedule = make_schedule(keep_last=1)
    clock = Scheduler()
    clock.turn(DUE)
    for _ in range(2):
        archive_of(schedule, DUE)
    clock.turn(DUE + EXPIRE_EVERY - SECOND)
    assert Archive.objects.count() == 2
    clock.turn(DUE + EXPIRE_EVERY)
    assert Archive.objects.count() == 1


def test_the_clock_sleeps_until_the_next_time_but_never_for_long() -> None:
    clock = Scheduler()
    assert clock.delay_s(DUE) == LOOK_EVERY_S
    due_schedule()
    assert clock.delay_s(DUE - HOUR) == LOOK_EVERY_S
    assert clock.delay_s(DUE - 10 * SECOND) == 10
    # One that cannot be run is always due.
    assert 0 < clock.delay_s(DUE + HOUR) < 10


def test_somebody_can_run_it_now_though_it_is_disabled(
    counter: Container, oscar: User, oscars_browser: Client
) -> None:
    schedule = make_schedule(enabled=False)
    page = oscars_browser.post(reverse("schedule-run", args=[schedule.pk]), follow=True)
    run = ScheduleRun.objects.get()
    assert (run.asked_by, run.due_at) == (oscar, None)
    operation = run.operations.get()
    assert (operation.created_by, operation.schedule) == (oscar, schedule)
    assert "1 checkpoint was started" in page.content.decode()
    event = AuditEvent.objects.get(action="schedule.run")
    assert (event.user_name, event.subject) == ("oscar", "nightly")
    schedule.refresh_from_db()
    assert schedule.last_run_at == run.at
    assert schedule.next_run_at is None
