"""The same actions for programs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from nodes.models import AuditEvent, Container, Node
from tests.factories import COUNTER_ID, make_checkpoint, make_container
from tests.fake_host import FakeHost
from tests.web.counter_on_host import has_counter

pytestmark = pytest.mark.django_db


@pytest.fixture
def on_host(fake_host: FakeHost, node_of: Callable[..., Node]) -> Container:
    has_counter(fake_host)
    return make_container(node_of(fake_host))


def act(program: Client, container: Container, reference: str = COUNTER_ID, **body: Any) -> Any:
    path = f"/api/v1/nodes/{container.node_id}/containers/{reference}/actions"
    return program.post(path, body, content_type="application/json")


@pytest.mark.parametrize("reference", [COUNTER_ID, COUNTER_ID[:12], "counter"])
def test_a_program_stops_a_container_and_learns_its_state(
    oscars_program: Client, fake_host: FakeHost, on_host: Container, reference: str
) -> None:
    answer = act(oscars_program, on_host, reference, action="stop", time=0)
    assert answer.status_code == 200
    assert ["podman", "stop", "--time", "0", "--", COUNTER_ID] in fake_host.commands
    assert AuditEvent.objects.get(action="container.stop").user_name == "oscar"


def test_a_removed_container_is_answered_with_nothing(
    oscars_program: Client, fake_host: FakeHost, on_host: Container
) -> None:
    fake_host.afterwards["podman rm"] = {"podman ps": ("[]", "", 0)}
    answer = act(oscars_program, on_host, action="remove", force=True)
    assert (answer.status_code, answer.content) == (204, b"")


def test_an_unfinished_operation_is_a_conflict(oscars_program: Client, on_host: Container) -> None:
    make_checkpoint(on_host)
    answer = act(oscars_program, on_host, action="stop")
    assert (answer.status_code, answer.json()["code"]) == (409, "already_moving")


@pytest.mark.parametrize(
    "body, field",
    [
        ({"action": "explode"}, "action"),
        ({"action": "rename"}, "name"),
        ({"action": "rename", "name": "--force"}, "name"),
        ({"action": "stop", "time": 10_000}, "time"),
        ({"action": "stop", "time": -1}, "time"),
        ({"action": "remove"}, "force"),
        ({"action": "stop", "signal": "KILL"}, "signal"),
    ],
)
def test_what_cannot_be_meant_names_the_field(
    oscars_program: Client, fake_host: FakeHost, on_host: Container, body: Any, field: str
) -> None:
    answer = act(oscars_program, on_host, **body)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert fake_host.commands == []


def test_what_podman_refuses_is_a_conflict_with_its_words(
    oscars_program: Client, fake_host: FakeHost, on_host: Container
) -> None:
    said = f"Error: no container with name or ID {COUNTER_ID} found: no such container"
    fake_host.answers["podman stop"] = ("", said, 125)
    problem = act(oscars_program, on_host, action="stop")
    assert (problem.status_code, problem.json()["code"]) == (409, "action_failed")
    assert problem.json()["cause"] == said
    assert "It is not on alder any more." in problem.json()["remedy"]
