"""Schedules and keep rules for programs."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from nodes.models import AuditEvent, CatalogRetention, Container, Schedule
from nodes.models.role import Role
from tests.conftest import program_of
from tests.factories import make_archive, make_node, make_schedule, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("archives_folder")]
SCHEDULES = "/api/v1/schedules"
RETENTION = "/api/v1/archives/retention"
JSON = "application/json"


def post(program: Client, body: dict[str, Any], address: str = SCHEDULES) -> Any:
    return program.post(address, body, content_type=JSON)


def address(schedule: Schedule, rest: str = "") -> str:
    return f"{SCHEDULES}/{schedule.pk}{rest}"


def test_a_schedule_is_made(oscars_program: Client) -> None:
    node = make_node()
    body = {
        "name": "nightly",
        "cron": "0 3 * * *",
        "names": ["web-*"],
        "label": "team=a",
        "nodes": ["alder"],
        "file_locks": True,
        "keep_daily": 7,
        "max_total_bytes": 10**9,
    }
    response = post(oscars_program, body)
    answer = response.json()
    assert response.status_code == 201
    assert response["Location"] == f"{SCHEDULES}/{answer['id']}"
    assert {name: answer[name] for name in body if name != "nodes"} == {
        name: value for name, value in body.items() if name != "nodes"
    }
    assert answer["nodes"] == [node.pk]
    assert (answer["enabled"], answer["compress"], answer["created_by"]) == (True, "zstd", "oscar")
    assert answer["next_run_at"] is not None
    assert (answer["archives"], answer["archive_bytes"], answer["time_zone"]) == (0, 0, "UTC")
    assert oscars_program.get(response["Location"]).json() == answer


@pytest.mark.parametrize(
    "change, field",
    [
        ({"cron": "0 3 * *"}, "cron"),
        ({"names": ["a b"]}, "names"),
        ({"names": "web"}, "names"),
        ({"nodes": ["nowhere"]}, "nodes"),
        ({"compress": "lzma"}, "compress"),
        ({"keep_last": 0}, "keep_last"),
        ({"max_total_bytes": 2**70}, "max_total_bytes"),
        ({"label": "\0"}, "label"),
        ({"next_run_at": "2026-01-01T00:00:00Z"}, "next_run_at"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    oscars_program: Client, change: dict[str, Any], field: str
) -> None:
    response = post(oscars_program, {"name": "x", "cron": "0 3 * * *", **change})
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == field
    assert not Schedule.objects.exists()


def test_only_what_is_sent_is_changed(oscars_program: Client) -> None:
    schedule = make_schedule(names=["web-*"], keep_last=3, keep_daily=7, file_locks=True)
    schedule.nodes.add(make_node())
    change = {"enabled": False, "keep_daily": None}
    answer = oscars_program.patch(address(schedule), change, content_type=JSON).json()
    assert (answer["enabled"], answer["keep_daily"], answer["next_run_at"]) == (False, None, None)
    assert (answer["names"], answer["keep_last"], answer["file_locks"]) == (["web-*"], 3, True)
    assert len(answer["nodes"]) == 1
    answer = oscars_program.patch(address(schedule), {"nodes": []}, content_type=JSON).json()
    assert answer["nodes"] == []


def test_it_is_deleted_and_its_archives_are_not(oscars_program: Client) -> None:
    schedule = make_schedule()
    archive = make_archive(schedule=schedule)
    assert oscars_program.delete(address(schedule)).status_code == 204
    assert oscars_program.get(address(schedule)).status_code == 404
    archive.refresh_from_db()
    assert archive.schedule is None


def test_it_is_run_and_the_run_can_be_looked_at(oscars_program: Client, counter: Container) -> None:
    schedule = make_schedule()
    response = post(oscars_program, {}, address(schedule, "/run"))
    run = response.json()
    assert response.status_code == 202
    assert (run["asked_by"], run["due_at"], run["skipped"]) == ("oscar", None, [])
    (operation,) = run["operations"]
    told = oscars_program.get(f"/api/v1/operations/{operation}").json()
    assert (told["kind"], told["container"]) == ("checkpoint", "counter")
    again = post(oscars_program, {}, address(schedule, "/run")).json()
    assert again["operations"] == []
    assert again["skipped"][0]["container"] == "counter"
    runs = oscars_program.get(address(schedule, "/runs")).json()
    assert [each["id"] for each in runs["items"]] == [again["id"], run["id"]]


def test_the_dry_run_tells_what_would_go_and_why(
    oscars_program: Client, counter: Container
) -> None:
    schedule = make_schedule(keep_last=1)
    old, new = (make_archive(schedule=schedule) for _ in range(2))
    answer = oscars_program.get(address(schedule, "/retention")).json()
    assert answer["rules"]["keep_last"] == 1
    told = [(each["archive"], each["keep"], each["reason"]) for each in answer["archives"]]
    assert told == [
        (new.pk, True, "The last one of counter."),
        (old.pk, False, "No keep rule covers it."),
    ]
    assert (answer["deleted"], answer["deleted_bytes"]) == (1, 4)
    assert (answer["kept"], answer["kept_bytes"]) == (1, 4)
    assert schedule.archives.count() == 2


def test_the_catalogs_rule_is_set_and_taken_away(
    oscars_program: Client, counter: Container
) -> None:
    make_archive()
    make_archive()
    assert oscars_program.get(RETENTION).json()["deleted"] == 0
    answer = oscars_program.put(RETENTION, {"keep_last": 1}, content_type=JSON).json()
    assert (answer["rules"]["keep_last"], answer["deleted"]) == (1, 1)
    assert AuditEvent.objects.get().action == "retention.edit"
    answer = oscars_program.put(RETENTION, {}, content_type=JSON).json()
    assert set(answer["rules"].values()) == {None}
    assert CatalogRetention.objects.count() == 1


def test_a_viewer_may_look_at_the_rules_and_not_set_them(db: None) -> None:
    program = program_of(make_user("vera", Role.VIEWER))
    assert program.get(RETENTION).status_code == 200
    assert program.put(RETENTION, {"keep_last": 1}, content_type=JSON).status_code == 403
    assert not CatalogRetention.objects.exists()
