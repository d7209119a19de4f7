"""Operations by way of the API."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from nodes.models import AuditEvent, Container, Node, Operation, OperationState
from tests.conftest import program_of
from tests.factories import COUNTER_ID, make_container, make_node, make_operation
from tests.fake_host import FakeHost

pytestmark = pytest.mark.django_db
OPERATIONS = "/api/v1/operations"


def migrate(client: Client, path: str = OPERATIONS, **values: Any) -> Any:
    body = {"kind": "migrate", "source": "alder", "destination": "birch", "container": "counter"}
    return client.post(path, {**body, **values}, content_type="application/json")


def test_a_migration_is_queued_with_all_its_phases(
    oscars_program: Client, counter: Container
) -> None:
    response = migrate(oscars_program, options={"tcp_established": True, "compress": "gzip"})
    assert response.status_code == 202
    operation = response.json()
    assert response["Location"] == f"{OPERATIONS}/{operation['id']}"
    assert (operation["kind"], operation["state"]) == ("migrate", "queued")
    assert (operation["container"], operation["container_podman_id"]) == ("counter", COUNTER_ID)
    assert (operation["source_name"], operation["destination_name"]) == ("alder", "birch")
    assert operation["options"]["tcp_established"] is True
    assert operation["options"]["compress"] == "gzip"
    assert [phase["name"] for phase in operation["phases"]][:3] == [
        "preflight", "image", "checkpoint",
    ]  # fmt: skip
    assert {phase["state"] for phase in operation["phases"]} == {"pending"}
    assert operation["created_by"] == "oscar"
    assert oscars_program.get(response["Location"]).json() == operation
    assert AuditEvent.objects.get(action="operation.start").user_name == "oscar"


@pytest.mark.parametrize("reference", ["name", "podman_id", "prefix", "pk", "pk as text"])
def test_a_container_is_known_by_name_or_id(
    oscars_program: Client, counter: Container, reference: str
) -> None:
    references = {
        "name": "counter",
        "podman_id": COUNTER_ID,
        "prefix": COUNTER_ID[:12],
        "pk": counter.pk,
        "pk as text": str(counter.pk),
    }
    # A container of the same name elsewhere is another one.
    make_container(Node.objects.get(name="birch"), podman_id="b" * 64)
    # What fits no name sends a question to the node; nobody answers there in this test.
    response = migrate(oscars_program, container=references[reference])
    assert response.status_code == 202, response.content


def test_nodes_are_known_by_id_too(oscars_program: Client, counter: Container) -> None:
    birch = Node.objects.get(name="birch")
    response = migrate(oscars_program, source=counter.node_id, destination=birch.pk)
    assert response.json()["destination"] == birch.pk


def test_a_container_that_has_just_been_started_is_found(
    oscars_program: Client, fake_host: FakeHost, node_of: Callable[..., Node]
) -> None:
    node_of(fake_host)
    make_node("birch")
    assert migrate(oscars_program).status_code == 202


@pytest.mark.parametrize(
    "values, field, code",
    [
        ({"kind": "restore"}, "archive", "invalid_request"),
        ({"kind": "checkpoint"}, "node", "invalid_request"),
        ({"kind": "destroy"}, "kind", "invalid_request"),
        ({"source": None}, "source", "invalid_request"),
        ({"source": "elder"}, "source", "unknown_node"),
        ({"destination": 10**30}, "destination", "unknown_node"),
        ({"container": None}, "container", "invalid_request"),
        ({"container": 12345}, "container", "unknown_container"),
        ({"options": {"turbo": True}}, "options", "invalid_option"),
        ({"options": {"leave_running": True}}, "options", "invalid_option"),
        ({"options": {"compress": "xz"}}, "options", "invalid_option"),
        ({"options": {"keep": "yes"}}, "options", "invalid_option"),
        ({"options": []}, "options", "invalid_request"),
        ({"surprise": 1}, "surprise", "invalid_request"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(
    oscars_program: Client, counter: Container, values: dict[str, Any], field: str, code: str
) -> None:
    response = migrate(oscars_program, **values)
    problem = response.json()
    assert (response.status_code, problem["code"]) == (422, code)
    assert problem["errors"][0]["field"] == field
    assert not Operation.objects.exists()


def test_an_unknown_option_is_named(oscars_program: Client, counter: Container) -> None:
    assert "turbo" in migrate(oscars_program, options={"turbo": True}).json()["detail"]


def test_an_ambiguous_id_is_refused(oscars_program: Client, counter: Container) -> None:
    make_container(counter.node, "other", podman_id=COUNTER_ID[:-1] + "1")
    response = migrate(oscars_program, container=COUNTER_ID[:12])
    assert response.json()["code"] == "ambiguous_container"


def test_the_source_cannot_be_the_destination(oscars_program: Client, counter: Container) -> None:
    response = migrate(oscars_program, destination="alder")
    assert (response.status_code, response.json()["code"]) == (409, "refused")
    assert "another node" in response.json()["remedy"]


def test_the_second_migration_of_a_container_names_the_first(
    oscars_program: Client, counter: Container
) -> None:
    first = migrate(oscars_program).json()
    response = migrate(oscars_program)
    assert (response.status_code, response.json()["code"]) == (409, "already_moving")
    assert f"operation {first['id']}" in response.json()["detail"]
    assert Operation.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_migrations_at_the_same_moment_one_is_taken(oscar: User, counter: Container) -> None:
    clients = [program_of(oscar) for _ in range(4)]
    together = threading.Barrier(len(clients))
    statuses: list[int] = []

    def start(client: Client) -> None:
        together.wait()
        statuses.append(migrate(client).status_code)
        connection.close()

    threads = [threading.Thread(target=start, args=[client]) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [202, 409, 409, 409]
    assert Operation.objects.count() == 1


def test_a_queued_operation_is_cancelled_at_once(
    oscars_program: Client, counter: Container
) -> None:
    operation = migrate(oscars_program).json()
    response = oscars_program.post(f"{OPERATIONS}/{operation['id']}/cancel")
    assert (response.status_code, response.json()["state"]) == (202, "cancelled")
    assert migrate(oscars_program).status_code == 202
    again = oscars_program.post(f"{OPERATIONS}/{operation['id']}/cancel")
    assert (again.status_code, again.json()["code"]) == (409, "refused")


def test_after_the_commit_nothing_can_be_cancelled(
    oscars_program: Client, counter: Container
) -> None:
    operation = make_operation(
        counter.node,
        Node.objects.get(name="birch"),
        state=OperationState.RUNNING,
        journal={"committed": True},
    )
    response = oscars_program.post(f"{OPERATIONS}/{operation.pk}/cancel")
    assert response.status_code == 409
    assert "already runs on birch" in response.json()["detail"]
    assert "Migrate it back" in response.json()["remedy"]


def test_only_an_unknown_outcome_is_looked_at_again(
    oscars_program: Client, counter: Container
) -> None:
    birch = Node.objects.get(name="birch")
    operation = make_operation(counter.node, birch, state=OperationState.UNKNOWN)
    path = f"{OPERATIONS}/{operation.pk}/look-again"
    assert oscars_program.post(path).status_code == 202
    Operation.objects.update(state=OperationState.FAILED)
    assert oscars_program.post(path).status_code == 409


def test_events_can_be_followed(oscars_program: Client, counter: Container) -> None:
    operation = make_operation(counter.node, Node.objects.get(name="birch"))
    first = operation.events.create(phase="image", message="Copying the image.")
    operation.events.create(phase="image", level="warning", message="It is slow.")
    path = f"{OPERATIONS}/{operation.pk}/events"
    events = oscars_program.get(path).json()
    assert [event["message"] for event in events] == ["Copying the image.", "It is slow."]
    assert len(oscars_program.get(f"{path}?after={first.pk}").json()) == 1


def test_preflight_tells_findings_and_starts_nothing(
    oscars_program: Client,
    start_host: Callable[[], FakeHost],
    node_of: Callable[..., Node],
) -> None:
    source, destination = start_host(), start_host()
    make_container(node_of(source, "alder"))
    destination.answers["podman ps"] = ("[]", "", 0)
    node_of(destination, "birch")

    response = migrate(oscars_program, f"{OPERATIONS}/preflight")

    assert response.status_code == 200, response.content
    findings = {finding["check"]: finding for finding in response.json()["findings"]}
    assert findings["container-runs"]["level"] == "ok"
    assert set(findings["runtime"]) >= {"check", "level", "message", "evidence", "remedy"}
    assert not Operation.objects.exists()


def test_preflight_of_an_unreachable_node_says_so(
    oscars_program: Client, counter: Container
) -> None:
    response = migrate(oscars_program, f"{OPERATIONS}/preflight")
    assert (response.status_code, response.json()["code"]) == (502, "node_unreachable")


def test_operations_are_listed_with_those_under_way_first(
    oscars_program: Client, counter: Container
) -> None:
    birch = Node.objects.get(name="birch")
    running = make_operation(counter.node, birch, state=OperationState.RUNNING)
    failed = make_operation(
        counter.node, birch, state=OperationState.FAILED, error={"code": "restore_failed"}
    )
    answer = oscars_program.get(OPERATIONS).json()
    assert [row["id"] for row in answer["items"]] == [running.pk, failed.pk]
    assert [row["error"] for row in answer["items"]] == [None, {"code": "restore_failed"}]
    found = oscars_program.get(f"{OPERATIONS}?state=failed").json()
    assert (found["total"], found["items"][0]["id"]) == (1, failed.pk)
