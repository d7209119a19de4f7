"""Checkpoints and restores by way of the API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from nodes.archives.trust import privileges_digest
from nodes.models import Archive, AuditEvent, Container, ContentsState, Node, Operation
from tests.factories import COUNTER_ID, make_checkpoint, make_container, make_restore
from tests.fake_host import FakeHost
from tests.web.restorable import BIND, HOOK, make_restorable, make_uploaded

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("archives_folder")]
OPERATIONS = "/api/v1/operations"
PREFLIGHT = f"{OPERATIONS}/preflight"


def checkpoint(client: Client, path: str = OPERATIONS, **values: Any) -> Any:
    body = {"kind": "checkpoint", "node": "alder", "container": "counter", **values}
    return client.post(path, body, content_type="application/json")


def restore(client: Client, archive: Archive, path: str = OPERATIONS, /, **values: Any) -> Any:
    body = {"kind": "restore", "archive": archive.pk, "node": "birch", **values}
    return client.post(path, body, content_type="application/json")


@pytest.fixture
def archive(counter: Container) -> Archive:
    return make_restorable(counter.node)


def test_a_checkpoint_is_queued_with_all_its_phases(
    oscars_program: Client, counter: Container
) -> None:
    response = checkpoint(oscars_program, options={"leave_running": True, "compress": "gzip"})
    assert response.status_code == 202
    operation = response.json()
    assert response["Location"] == f"{OPERATIONS}/{operation['id']}"
    assert (operation["kind"], operation["container_podman_id"]) == ("checkpoint", COUNTER_ID)
    assert (operation["source_name"], operation["destination"]) == ("alder", None)
    assert operation["node"] == counter.node_id
    assert operation["options"]["leave_running"] is True
    assert [phase["name"] for phase in operation["phases"]] == [
        "preflight", "checkpoint", "transfer", "clean-up",
    ]  # fmt: skip
    assert AuditEvent.objects.get(action="operation.start").user_name == "oscar"


def test_a_restore_is_queued_with_all_its_phases(oscars_program: Client, archive: Archive) -> None:
    options = {"name": "twin", "publish": ["9090:8080"], "tcp_close": True}
    response = restore(oscars_program, archive, options=options)
    assert response.status_code == 202
    operation = response.json()
    assert (operation["kind"], operation["container"]) == ("restore", "twin")
    assert (operation["source"], operation["destination_name"]) == (None, "birch")
    assert operation["node"] == Node.objects.get(name="birch").pk
    assert operation["archive"] == archive.pk
    assert operation["options"].items() >= options.items()
    assert [phase["name"] for phase in operation["phases"]][:3] == [
        "preflight", "image", "transfer",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "values, field, code",
    [
        ({"node": None}, "node", "invalid_request"),
        ({"node": "elder"}, "node", "unknown_node"),
        ({"container": None}, "container", "invalid_request"),
        ({"options": {"turbo": True}}, "options", "invalid_option"),
        ({"options": {"compress": "xz"}}, "options", "invalid_option"),
        ({"options": {"name": "twin"}}, "options", "invalid_option"),
        ({"options": {"leave_running": "yes"}}, "options", "invalid_option"),
    ],
)
def test_a_checkpoint_that_cannot_be_meant_is_refused_by_name(
    oscars_program: Client, counter: Container, values: dict[str, Any], field: str, code: str
) -> None:
    response = checkpoint(oscars_program, **values)
    problem = response.json()
    assert (response.status_code, problem["code"]) == (422, code)
    assert problem["errors"][0]["field"] == field
    assert not Operation.objects.exists()


@pytest.mark.parametrize(
    "values, field, code",
    [
        ({"archive": None}, "archive", "invalid_request"),
        ({"archive": 0}, "archive", "unknown_archive"),
        ({"archive": -1}, "archive", "unknown_archive"),
        ({"archive": 10**30}, "archive", "unknown_archive"),
        ({"node": None}, "node", "invalid_request"),
        ({"node": "elder"}, "node", "unknown_node"),
        ({"options": {"leave_running": True}}, "options", "invalid_option"),
        ({"options": {"publish": "80"}}, "options", "invalid_option"),
        ({"options": {"publish": ["80:x"]}}, "options", "invalid_option"),
        ({"options": {"name": "a", "tcp_established": True}}, "options", "invalid_option"),
        ({"confirmed": "x" * 65}, "confirmed", "invalid_request"),
    ],
)
def test_a_restore_that_cannot_be_meant_is_refused_by_name(
    oscars_program: Client, archive: Archive, values: dict[str, Any], field: str, code: str
) -> None:
    response = restore(oscars_program, archive, **values)
    problem = response.json()
    assert (response.status_code, problem["code"]) == (422, code)
    assert problem["errors"][0]["field"] == field
    assert not Operation.objects.exists()


def test_the_second_operation_on_a_container_names_the_first(
    oscars_program: Client, counter: Container
) -> None:
    first = make_checkpoint(counter)
    response = checkpoint(oscars_program)
    assert (response.status_code, response.json()["code"]) == (409, "already_moving")
    assert f"operation {first.pk}" in response.json()["detail"]


def test_the_second_restore_to_a_name_is_refused(oscars_program: Client, archive: Archive) -> None:
    first = make_restore(archive, Node.objects.get(name="birch"))
    response = restore(oscars_program, archive)
    assert (response.status_code, response.json()["code"]) == (409, "refused")
    assert f"Operation {first.pk}" in response.json()["detail"]


def test_an_upload_needs_the_digest_of_what_it_would_get(
    oscars_program: Client, archive: Archive
) -> None:
    uploaded = make_uploaded([BIND])
    for confirmed in ("", "0" * 16):
        response = restore(oscars_program, uploaded, confirmed=confirmed)
        assert (response.status_code, response.json()["code"]) == (409, "not_confirmed")
    response = restore(oscars_program, uploaded, confirmed=privileges_digest(uploaded))
    assert response.status_code == 202


def test_preflight_of_an_upload_tells_what_is_to_be_confirmed(
    oscars_program: Client, fake_host: FakeHost, node_of: Callable[..., Node]
) -> None:
    node_of(fake_host, "birch")
    uploaded = make_uploaded([BIND, HOOK])
    answer = restore(oscars_program, uploaded, PREFLIGHT).json()
    assert answer["privileges"] == [BIND, HOOK]
    assert answer["confirmed"] == privileges_digest(uploaded)
    trust = next(found for found in answer["findings"] if found["check"] == "trust")
    assert trust["level"] == "error"


def test_preflight_of_a_checkpoint_tells_findings_and_starts_nothing(
    oscars_program: Client, fake_host: FakeHost, node_of: Callable[..., Node]
) -> None:
    make_container(node_of(fake_host))
    response = checkpoint(oscars_program, PREFLIGHT)
    assert response.status_code == 200, response.content
    findings = {found["check"]: found["level"] for found in response.json()["findings"]}
    assert findings["container-runs"] == "ok"
    assert not Operation.objects.exists()


def test_preflight_of_a_restore_tells_findings_and_starts_nothing(
    oscars_program: Client, fake_host: FakeHost, node_of: Callable[..., Node]
) -> None:
    archive = make_restorable(node_of(fake_host, "birch"))
    taken = restore(oscars_program, archive, PREFLIGHT).json()
    free = restore(oscars_program, archive, PREFLIGHT, options={"name": "twin"}).json()
    levels = [
        next(found["level"] for found in answer["findings"] if found["check"] == "name")
        for answer in (taken, free)
    ]
    assert levels == ["error", "ok"]
    assert taken["privileges"] is None
    assert not Operation.objects.exists()


def test_preflight_of_an_unreachable_node_says_so(oscars_program: Client, archive: Archive) -> None:
    for response in (
        checkpoint(oscars_program, PREFLIGHT),
        restore(oscars_program, archive, PREFLIGHT),
    ):
        assert (response.status_code, response.json()["code"]) == (502, "node_unreachable")


def test_operations_are_listed_by_kind(
    oscars_program: Client, counter: Container, archive: Archive
) -> None:
    made = make_checkpoint(counter)
    make_restore(archive, Node.objects.get(name="birch"), container_podman_id="")
    answer = oscars_program.get(f"{OPERATIONS}?kind=checkpoint").json()
    assert [row["id"] for row in answer["items"]] == [made.pk]


def test_an_archive_that_cannot_be_read_is_not_restored(
    oscars_program: Client, archive: Archive
) -> None:
    archive.contents_state = ContentsState.UNREADABLE
    archive.save()
    answer = restore(oscars_program, archive)
    assert answer.status_code in (409, 422), answer.content
    assert "cannot be read" in answer.json()["detail"]
