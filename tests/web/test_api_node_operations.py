"""Prepare, undo and self-test by way of the API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from nodes.inventory.membership import look_now
from nodes.models import Node, Operation, OperationLog, OperationState
from tests.conftest import program_of
from tests.factories import make_node, make_operation
from tests.fake_host import FakeHost

pytestmark = pytest.mark.django_db
OPERATIONS = "/api/v1/operations"


def send(client: Client, path: str = OPERATIONS, **body: Any) -> Any:
    return client.post(path, {"node": "alder", **body}, content_type="application/json")


@pytest.mark.parametrize("kind", ["prepare", "selftest"])
def test_an_operation_of_a_node_is_queued_with_its_phases(adas_program: Client, kind: str) -> None:
    node = make_node()
    response = send(adas_program, kind=kind)
    assert response.status_code == 202, response.content
    operation = response.json()
    assert (operation["kind"], operation["state"]) == (kind, "queued")
    assert (operation["node"], operation["container"]) == (node.pk, "")
    assert operation["phases"]


@pytest.mark.parametrize("path", [OPERATIONS, f"{OPERATIONS}/preflight"])
@pytest.mark.parametrize("kind", ["prepare", "undo-prepare"])
def test_only_an_admin_changes_a_node_or_reads_its_configuration(
    oscars_program: Client, kind: str, path: str
) -> None:
    make_node()
    response = send(oscars_program, path, kind=kind)
    assert (response.status_code, response.json()["code"]) == (403, "forbidden")
    assert not Operation.objects.exists()


def test_an_operator_may_test_a_node(oscars_program: Client) -> None:
    make_node()
    assert send(oscars_program, kind="selftest").status_code == 202


def test_the_plan_is_told_and_nothing_is_started(
    adas_program: Client, fake_host: FakeHost, node_of: Callable[..., Node]
) -> None:
    fake_host.without_podman()
    node_of(fake_host)
    answer = send(adas_program, f"{OPERATIONS}/preflight", kind="prepare").json()
    found = {finding["check"]: finding for finding in answer["findings"]}
    assert (found["podman"]["level"], found["podman"]["fix"]) == ("error", "prepare")
    assert answer["plan"]["packages"][0] == "podman"
    assert answer["plan"]["packages"][-1] in answer["plan"]["commands"][-2]
    assert answer["plan"]["edits"][0]["path"] == "/etc/containers/containers.conf"
    assert not Operation.objects.exists()

    held = send(adas_program, kind="prepare", options={"plan": answer["plan"]["digest"]}).json()
    assert held["options"] == {"plan": answer["plan"]["digest"]}


@pytest.mark.parametrize(
    "body, code",
    [
        ({"kind": "selftest", "options": {"plan": "x"}}, "invalid_option"),
        ({"kind": "prepare", "options": {"packages": ["sshd"]}}, "invalid_option"),
        ({"kind": "prepare", "node": "elder"}, "unknown_node"),
        ({"kind": "prepare", "node": None}, "invalid_request"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    adas_program: Client, body: dict[str, Any], code: str
) -> None:
    make_node()
    response = send(adas_program, **body)
    assert (response.status_code, response.json()["code"]) == (422, code)
    assert not Operation.objects.exists()


def test_two_at_once_are_refused(adas_program: Client) -> None:
    make_node()
    send(adas_program, kind="selftest")
    response = send(adas_program, kind="prepare")
    assert (response.status_code, response.json()["code"]) == (409, "node_in_use")


def test_nodes_do_not_stand_in_each_others_way(adas_program: Client) -> None:
    make_node()
    make_node("birch")
    assert send(adas_program, kind="selftest").status_code == 202
    assert send(adas_program, kind="selftest", node="birch").status_code == 202


def test_without_a_preparation_there_is_nothing_to_undo(adas_program: Client) -> None:
    make_node()
    response = send(adas_program, kind="undo-prepare")
    assert (response.status_code, response.json()["code"]) == (409, "refused")


def test_a_change_is_in_the_nodes_history(
    adas_program: Client, fake_host: FakeHost, node_of: Callable[..., Node]
) -> None:
    node = node_of(fake_host)
    look_now(node)
    del fake_host.answers["criu --version"]
    look_now(node)
    history = adas_program.get(f"/api/v1/nodes/{node.pk}/history").json()["items"]
    newest = next(event for event in history if event["check"] == "criu")
    assert (newest["level_before"], newest["level"]) == ("ok", "error")
    assert newest["message"] == "CRIU is not installed."


def test_logs_are_listed_and_sent_whole(ada: User) -> None:
    operation = make_operation(make_node(), make_node("birch"), state=OperationState.FAILED)
    log = OperationLog.objects.create(
        operation=operation, name="restore.log", node_name="birch", text="Error\n" * 500
    )
    client = program_of(ada)
    (listed,) = client.get(f"{OPERATIONS}/{operation.pk}/logs").json()
    assert (listed["name"], listed["node_name"]) == ("restore.log", "birch")
    sent = client.get(f"{OPERATIONS}/{operation.pk}/logs/{log.pk}")
    assert sent.content.decode() == log.text
    elsewhere = make_operation(
        operation.source, operation.destination, state=OperationState.FAILED,
    )  # fmt: skip
    assert client.get(f"{OPERATIONS}/{elsewhere.pk}/logs/{log.pk}").status_code == 404
