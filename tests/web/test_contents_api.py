"""What is inside an archive, for programs."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from nodes.models import AuditEvent
from tests.conftest import program_of
from tests.factories import make_archive
from tests.unit.archives import Checkpoint
from tests.unit.criu_images import Program
from tests.web.contents_rows import SECTIONS, give_contents, make_real_archive

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("archives_folder")]
JSON = "application/json"


def address(pk: int, rest: str) -> str:
    return f"/api/v1/archives/{pk}/{rest}"


def test_all_that_was_read_is_answered(oscars_program: Client) -> None:
    archive = give_contents(make_archive())
    answer = oscars_program.get(address(archive.pk, "contents")).json()
    assert (answer["state"], answer["problem"]) == ("read", "")
    assert answer["sections"] == SECTIONS


def test_a_viewer_gets_all_but_the_log(vera: User) -> None:
    archive = give_contents(make_archive())
    program = program_of(vera)
    answer = program.get(address(archive.pk, "contents")).json()
    assert set(SECTIONS) - set(answer["sections"]) == {"log"}
    refused = program.get(address(archive.pk, "contents/log"))
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")


@pytest.mark.parametrize("rest", ["contents", "contents/log"])
def test_whoever_reads_the_log_is_in_the_audit_log(
    oscars_program: Client, vera: User, rest: str
) -> None:
    archive = give_contents(make_archive())
    program_of(vera).get(address(archive.pk, rest))
    oscars_program.get(address(archive.pk, "contents/summary"))
    assert not AuditEvent.objects.filter(action="archive.log").exists()
    oscars_program.get(address(archive.pk, rest))
    event = AuditEvent.objects.get(action="archive.log")
    assert (event.user_name, event.detail) == ("oscar", {"archive": archive.pk})


@pytest.mark.parametrize("section", SECTIONS)
def test_a_section_is_answered_alone(oscars_program: Client, section: str) -> None:
    archive = give_contents(make_archive())
    answer = oscars_program.get(address(archive.pk, f"contents/{section}")).json()
    assert answer == SECTIONS[section]


def test_a_section_that_no_archive_has_is_not_there(oscars_program: Client) -> None:
    response = oscars_program.get(address(make_archive().pk, "contents/secrets"))
    assert response.status_code == 404


def test_an_unread_archive_says_how_it_is_read(oscars_program: Client) -> None:
    archive = make_archive(content=Checkpoint().pack())
    unread = oscars_program.get(address(archive.pk, "contents/summary"))
    assert (unread.status_code, unread.json()["code"]) == (409, "contents_unread")
    read = oscars_program.post(address(archive.pk, "contents"))
    assert read.json()["sections"]["summary"]["container_name"] == "counter"
    assert oscars_program.get(address(archive.pk, "contents/summary")).status_code == 200


def test_what_is_no_archive_is_refused_with_the_reason(oscars_program: Client) -> None:
    archive = make_archive(content=b"nothing")
    response = oscars_program.post(address(archive.pk, "contents"))
    assert response.status_code == 422
    assert response.json()["code"] == "archive_unreadable"
    answer = oscars_program.get(address(archive.pk, "contents")).json()
    assert answer["state"] == "unreadable"
    assert answer["problem"]


def test_an_environment_is_answered_with_its_values_and_noted(oscars_program: Client) -> None:
    archive = make_real_archive()
    response = oscars_program.post(address(archive.pk, "environment"), {"pid": 1}, JSON)
    assert response.json() == {
        "pid": 1,
        "variables": [
            {"name": "PATH", "value": "/bin", "cut_bytes": 0},
            {"name": "SECRET", "value": "hunter2", "cut_bytes": 0},
        ],
        "left_out": 0,
    }
    assert response["Cache-Control"] == "no-store"
    assert AuditEvent.objects.get(action="archive.environment").user_name == "oscar"


def test_a_process_that_is_not_there_is_a_problem(
    oscars_program: Client, adas_program: Client
) -> None:
    archive = make_real_archive()
    asked = oscars_program.post(address(archive.pk, "environment"), {"pid": 9}, JSON)
    body = {"pid": 9, "pattern": "x"}
    searched = adas_program.post(address(archive.pk, "memory-search"), body, JSON)
    for response in (asked, searched):
        assert (response.status_code, response.json()["code"]) == (422, "no_memory")


def test_memory_is_searched(adas_program: Client) -> None:
    memory = b"--- token=swordfish ---"
    archive = make_real_archive(Checkpoint(programs=[Program(memory=memory)]))
    body = {"pid": 1, "pattern": "token=[a-z]+", "is_regex": True, "context_bytes": 4}
    answer = adas_program.post(address(archive.pk, "memory-search"), body, JSON).json()
    assert answer["hits"] == [
        {
            "address": (16 << 20) + 4,
            "encoding": "utf-8",
            "text": "token=swordfish",
            "before": b"--- ".hex(),
            "match": b"token=swordfish".hex(),
            "after": b" ---".hex(),
        }
    ]
    assert answer["searched_bytes"] > len(memory)
    assert (answer["cut_short"], answer["timed_out"]) == (False, False)


@pytest.mark.parametrize(
    "body",
    [
        {"pid": 1, "pattern": "(", "is_regex": True},
        {"pid": 1, "pattern": ""},
        {"pid": 1, "pattern": "x" * 1001},
        {"pid": -1, "pattern": "x"},
        {"pid": 1, "pattern": "x", "context_bytes": 1 << 30},
        {"pid": 1, "pattern": "x", "most_hits": 1 << 30},
        {"pid": 1, "pattern": "x", "file": "/etc/passwd"},
    ],
)
def test_a_search_that_cannot_be_meant_is_refused(
    adas_program: Client, body: dict[str, object]
) -> None:
    response = adas_program.post(address(make_real_archive().pk, "memory-search"), body, JSON)
    assert response.status_code == 422
    assert response["Content-Type"] == "application/problem+json"
