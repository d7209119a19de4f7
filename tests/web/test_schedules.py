"""The pages of schedules: what they show, what they take, and what they refuse."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from nodes.models import (
    Archive,
    AuditEvent,
    Container,
    Node,
    NodeState,
    Operation,
    OperationState,
    Schedule,
    ScheduleRun,
)
from tests.factories import make_archive, make_node, make_schedule
from tests.web.text import text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("archives_folder")]
SENT = {
    "name": "nightly",
    "enabled": "on",
    "cron": "0 3 * * *",
    "names": "web-*, db",
    "label": "team=a",
    "compress": "gzip",
    "tcp_established": "on",
    "keep_last": "3",
    "max_total_bytes": "1.5 GiB",
}


def add(browser: Client, **changes: Any) -> Any:
    return browser.post(reverse("schedule-add"), {**SENT, **changes})


def page_of(schedule: Schedule, browser: Client) -> str:
    return text_of(browser.get(schedule.get_absolute_url()))


def test_a_schedule_is_added(oscars_browser: Client, oscar: User) -> None:
    node = make_node()
    answer = add(oscars_browser, nodes=[node.pk])
    schedule = Schedule.objects.get()
    assert answer["Location"] == schedule.get_absolute_url()
    assert (schedule.cron, schedule.names, schedule.label) == (
        "0 3 * * *", ["web-*", "db"], "team=a",
    )  # fmt: skip
    assert list(schedule.nodes.all()) == [node]
    assert (schedule.compress, schedule.tcp_established, schedule.file_locks) == (
        "gzip", True, False,
    )  # fmt: skip
    assert (schedule.keep_last, schedule.keep_daily) == (3, None)
    assert schedule.max_total_bytes == 1536 * 1024**2
    assert schedule.created_by == oscar
    assert schedule.next_run_at is not None
    assert schedule.next_run_at > timezone.now()
    event = AuditEvent.objects.get()
    assert (event.action, event.user_name, event.subject) == ("schedule.add", "oscar", "nightly")


@pytest.mark.parametrize(
    "changes, complaint",
    [
        ({"cron": "every day"}, "five fields"),
        ({"cron": "0 0 30 2 *"}, "cannot be read: bad day-of-month"),
        ({"cron": ""}, "This field is required"),
        ({"name": ""}, "This field is required"),
        ({"names": "web; rm -rf"}, "as in a shell"),
        ({"names": ",".join(f"n{n}" for n in range(51))}, "50 patterns at most"),
        ({"label": "x" * 300}, "at most 255"),
        ({"nodes": ["999"]}, "Select a valid choice"),
        ({"compress": "lzma"}, "Select a valid choice"),
        ({"keep_last": "0"}, "greater than or equal to 1"),
        ({"max_total_bytes": "a lot"}, "Write a size"),
    ],
)
def test_what_cannot_be_meant_is_told_and_nothing_is_lost(
    oscars_browser: Client, changes: dict[str, Any], complaint: str
) -> None:
    answer = add(oscars_browser, **{"name": "kept-as-typed", **changes})
    assert answer.status_code == 422
    assert complaint in text_of(answer)
    assert 'value="team=a"' in answer.content.decode() or "label" in changes
    assert not Schedule.objects.exists()


def test_two_schedules_cannot_have_one_name(oscars_browser: Client) -> None:
    make_schedule()
    answer = add(oscars_browser)
    assert answer.status_code == 422
    assert "already exists" in text_of(answer)


def test_the_form_shows_what_fits_and_when_without_keeping_anything(
    oscars_browser: Client, counter: Container
) -> None:
    page = text_of(add(oscars_browser, preview="1", names="coun*", label=""))
    assert "Fits now: 1" in page
    assert counter.get_absolute_url() in page
    assert "At 03:00 every day" in page
    assert page.count("03:00</time>") == 5
    assert "UTC" in page
    assert not Schedule.objects.exists()


@pytest.mark.parametrize(
    "cron, says", [("99 * * * *", "cannot be read"), ("hello", "five fields"), ("", "Write a cron")]
)
def test_the_preview_says_what_is_wrong_with_the_time(
    oscars_browser: Client, cron: str, says: str
) -> None:
    assert says in text_of(add(oscars_browser, preview="1", cron=cron))


def test_the_preview_says_when_nothing_fits_and_when_it_cannot_be_read(
    oscars_browser: Client, counter: Container
) -> None:
    assert "No running container fits." in text_of(add(oscars_browser, preview="1"))
    page = text_of(add(oscars_browser, preview="1", names="$(x)"))
    assert "What is given cannot be read." in page
    assert counter.get_absolute_url() not in page


def test_the_preview_marks_containers_that_would_be_skipped(
    oscars_browser: Client, counter: Container
) -> None:
    Node.objects.filter(name="alder").update(state=NodeState.UNREACHABLE)
    page = text_of(add(oscars_browser, preview="1", names="", label=""))
    assert 'data-state="unreachable"' in page


def test_a_schedule_is_edited_and_planned_anew(oscars_browser: Client) -> None:
    schedule = make_schedule(next_run_at=datetime(2026, 1, 1, tzinfo=UTC), names=["old"])
    address = reverse("schedule-edit", args=[schedule.pk])
    assert 'value="old"' in oscars_browser.get(address).content.decode()
    oscars_browser.post(address, {**SENT, "name": "hourly", "cron": "0 * * * *"})
    schedule.refresh_from_db()
    assert (schedule.name, schedule.names) == ("hourly", ["web-*", "db"])
    assert schedule.next_run_at is not None
    assert timedelta(0) < schedule.next_run_at - timezone.now() <= timedelta(hours=1)
    event = AuditEvent.objects.get(action="schedule.edit")
    assert {"cron", "name", "names"} <= set(event.detail["changed"])


def test_it_can_be_disabled_and_enabled(oscars_browser: Client) -> None:
    schedule = make_schedule(next_run_at=timezone.now())
    address = reverse("schedule-switch", args=[schedule.pk])
    assert "nightly is disabled" in text_of(oscars_browser.post(address, follow=True))
    schedule.refresh_from_db()
    assert (schedule.enabled, schedule.next_run_at) == (False, None)
    oscars_browser.post(address, {"enabled": "on"})
    schedule.refresh_from_db()
    assert schedule.enabled
    assert schedule.next_run_at is not None
    events = AuditEvent.objects.filter(action="schedule.edit").order_by("pk")
    assert [event.detail["enabled"] for event in events] == [False, True]


def test_a_deleted_schedule_leaves_its_archives(oscars_browser: Client) -> None:
    schedule = make_schedule()
    archive = make_archive(schedule=schedule)
    address = reverse("schedule-delete", args=[schedule.pk])
    assert "Its 1 archive (4 B) stay" in text_of(oscars_browser.get(address))
    oscars_browser.post(address)
    assert not Schedule.objects.exists()
    archive.refresh_from_db()
    assert archive.schedule is None
    assert AuditEvent.objects.get().action == "schedule.delete"


def test_a_schedule_whose_checkpoint_is_under_way_is_not_deleted(
    oscars_browser: Client, oscars_program: Client, counter: Container
) -> None:
    schedule = make_schedule()
    oscars_browser.post(reverse("schedule-run", args=[schedule.pk]))
    answer = oscars_browser.post(reverse("schedule-delete", args=[schedule.pk]))
    assert answer.status_code == 422
    assert "nightly is in use by operation" in text_of(answer)
    refused = oscars_program.delete(f"/api/v1/schedules/{schedule.pk}")
    assert (refused.status_code, refused.json()["code"]) == (409, "schedule_busy")
    Operation.objects.update(state=OperationState.SUCCEEDED)
    oscars_browser.post(reverse("schedule-delete", args=[schedule.pk]))
    assert not Schedule.objects.exists()


def test_its_page_shows_runs_with_their_outcome(oscars_browser: Client, counter: Container) -> None:
    schedule = make_schedule()
    run = ScheduleRun.objects.create(
        schedule=schedule,
        due_at=timezone.now(),
        skipped=[{"container": "web", "node": "birch", "reason": "birch is away: unreachable."}],
    )
    for name, state in (("counter", OperationState.SUCCEEDED), ("db", OperationState.FAILED)):
        run.operations.add(
            Operation.objects.create(
                kind="checkpoint", state=state, container_name=name, source_name="alder"
            )
        )
    page = page_of(schedule, oscars_browser)
    assert "1 archive, 1 failed, 1 skipped" in page
    assert "db on alder: failed" in page
    assert "web on birch was skipped: birch is away: unreachable." in page
    assert 'hx-trigger="every 2s"' not in page


def test_its_page_looks_again_while_a_run_is_under_way(
    oscars_browser: Client, counter: Container
) -> None:
    schedule = make_schedule()
    oscars_browser.post(reverse("schedule-run", args=[schedule.pk]))
    page = page_of(schedule, oscars_browser)
    assert 'hx-trigger="every 2s"' in page
    assert "0 of 1 done" in page


def test_its_page_says_when_it_runs_and_what_it_keeps(oscars_browser: Client) -> None:
    schedule = make_schedule(keep_last=3, keep_weekly=4, max_total_bytes=1024**3, label="team")
    page = page_of(schedule, oscars_browser)
    assert "At 03:00 every day" in page
    for words in ("last 3", "weekly 4", "1.0 GiB at most", "--leave-running"):
        assert words in page


def test_the_list_shows_next_and_last_run_and_what_each_holds(oscars_browser: Client) -> None:
    empty = text_of(oscars_browser.get(reverse("schedule-list")))
    assert "No schedule yet" in empty
    schedule = make_schedule(next_run_at=datetime(2030, 1, 2, 3, 0, tzinfo=UTC))
    make_schedule("paused", enabled=False)
    for size_bytes in (1024, 2048):
        make_archive(schedule=schedule)
        Archive.objects.filter(size_bytes=4).update(size_bytes=size_bytes)
    ScheduleRun.objects.create(schedule=schedule)
    page = text_of(oscars_browser.get(reverse("schedule-list")))
    assert "Wed 2030-01-02 03:00" in page
    assert "Nothing fitted" in page
    assert "3.0 KiB" in page
    assert page.count("Disabled") == 1


def test_who_may_only_look_sees_no_buttons(client: Client, vera: User) -> None:
    schedule = make_schedule()
    client.force_login(vera)
    pages = page_of(schedule, client) + text_of(client.get(reverse("schedule-list")))
    for action in ("run", "switch", "edit", "delete"):
        assert reverse(f"schedule-{action}", args=[schedule.pk]) not in pages
    assert reverse("schedule-add") not in pages


def test_hostile_names_are_shown_as_text(oscars_browser: Client) -> None:
    schedule = make_schedule("<script>alert(1)</script>", label="<b>x", names=["a*"])
    raw = oscars_browser.get(reverse("schedule-list")).content.decode()
    assert "&lt;script&gt;alert" in raw
    assert "<script>alert" not in raw
    assert "&lt;b&gt;x" in oscars_browser.get(schedule.get_absolute_url()).content.decode()
