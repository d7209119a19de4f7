"""When an action would lose what a container has, or have it run twice, it is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from nodes.models import (
    AuditEvent,
    Container,
    Lease,
    Node,
    Operation,
    OperationKind,
    OperationState,
)
from tests.factories import (
    COUNTER_ID,
    make_archive,
    make_container,
    make_node,
    make_operation,
    make_restore,
)
from tests.fake_host import FakeHost
from tests.web.counter_on_host import has_counter
from tests.web.text import text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("archives_folder")]
# What each is called on the node, and a state of Podman's in which it fits.
FITS = {"start": "exited", "restart": "running", "unpause": "paused"}


@pytest.fixture
def on_host(fake_host: FakeHost, node_of: Callable[..., Node]) -> Container:
    has_counter(fake_host)
    make_node("birch")
    return make_container(node_of(fake_host))


def birch() -> Node:
    return Node.objects.get(name="birch")


def address(container: Container, action: str) -> str:
    return reverse("container-action", args=[container.node_id, container.podman_id, action])


def act(program: Client, container: Container, **body: Any) -> Any:
    path = f"/api/v1/nodes/{container.node_id}/containers/{COUNTER_ID}/actions"
    return program.post(path, body, content_type="application/json")


def done(host: FakeHost) -> list[str]:
    """Return what Podman was asked to do."""
    return [argv[1] for argv in host.commands if argv[1] not in ("ps", "container")]


@pytest.mark.parametrize("action", FITS)
def test_nothing_has_a_second_copy_run_without_a_tick(
    oscars_browser: Client,
    oscars_program: Client,
    fake_host: FakeHost,
    on_host: Container,
    action: str,
) -> None:
    has_counter(fake_host, FITS[action])
    make_container(birch())
    dialog = oscars_browser.get(address(on_host, action))
    assert "a second copy</label>" in text_of(dialog)
    refused = oscars_browser.post(address(on_host, action))
    assert refused.status_code == 422
    assert "counter already runs on birch" in text_of(refused)
    answer = act(oscars_program, on_host, action=action)
    assert (answer.status_code, answer.json()["code"]) == (409, "second_copy")
    assert done(fake_host) == []
    assert not Lease.objects.exists()
    oscars_browser.post(address(on_host, action), {"force": "on"})
    assert done(fake_host) == [action]


def test_what_a_move_left_is_not_started_although_nobody_saw_the_other_one_yet(
    oscars_browser: Client, fake_host: FakeHost, on_host: Container
) -> None:
    has_counter(fake_host, "exited")
    move = make_operation(on_host.node, birch(), state=OperationState.SUCCEEDED)
    refused = text_of(oscars_browser.post(address(on_host, "start")))
    assert f"counter went to birch with operation {move.pk}" in refused
    assert "Start a second copy</label>" in refused
    assert done(fake_host) == []
    oscars_browser.post(address(on_host, "start"), {"force": "on"})
    assert done(fake_host) == ["start"]


@pytest.mark.parametrize("kind", [OperationKind.MIGRATE, OperationKind.RESTORE])
def test_what_came_back_since_is_started_as_ever(
    oscars_browser: Client, fake_host: FakeHost, on_host: Container, kind: OperationKind
) -> None:
    has_counter(fake_host, "exited")
    make_operation(on_host.node, birch(), state=OperationState.SUCCEEDED)
    if kind == OperationKind.MIGRATE:
        make_operation(birch(), on_host.node, state=OperationState.SUCCEEDED)
    else:
        make_restore(make_archive(), on_host.node, state=OperationState.SUCCEEDED)
    oscars_browser.post(address(on_host, "start"))
    assert done(fake_host) == ["start"]


@pytest.mark.parametrize(
    "known, now, action",
    [
        ("running", "exited", "restart"),
        ("running", "exited", "stop"),
        ("exited", "paused", "start"),
    ],
)
def test_what_does_not_fit_the_state_on_the_node_is_not_tried(
    oscars_program: Client,
    fake_host: FakeHost,
    on_host: Container,
    known: str,
    now: str,
    action: str,
) -> None:
    Container.objects.update(state=known)
    has_counter(fake_host, now)
    answer = act(oscars_program, on_host, action=action)
    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_state")
    assert answer.json()["detail"] == (
        f"counter is {now} on alder now: there is nothing to {action}."
    )
    assert done(fake_host) == []
    assert not Lease.objects.exists()
    assert not AuditEvent.objects.exists()


def test_the_state_on_the_node_counts_not_the_one_last_seen(
    oscars_program: Client, fake_host: FakeHost, on_host: Container
) -> None:
    Container.objects.update(state="exited")
    assert act(oscars_program, on_host, action="stop").status_code == 200
    assert done(fake_host) == ["stop"]


def test_a_container_that_is_gone_is_told_so(
    oscars_browser: Client, fake_host: FakeHost, on_host: Container
) -> None:
    fake_host.answers["podman ps"] = ("[]", "", 0)
    refused = oscars_browser.post(address(on_host, "stop"))
    assert refused.status_code == 422
    assert "counter is not on alder any more." in text_of(refused)
    assert done(fake_host) == []


def failed_rollback(container: Container) -> Operation:
    return make_operation(
        container.node,
        birch(),
        state=OperationState.FAILED,
        journal={"checkpoint_sent": True, "restore_sent": True, "rolling_back": True},
        error={"code": "rollback_failed", "message": "It is stopped on alder."},
    )


@pytest.mark.parametrize("action", ["start", "remove", "rename"])
def test_what_an_operation_would_bring_it_back_from_is_left_alone(
    oscars_browser: Client,
    oscars_program: Client,
    fake_host: FakeHost,
    on_host: Container,
    action: str,
) -> None:
    has_counter(fake_host, "exited")
    Container.objects.update(state="exited")
    keeper = failed_rollback(on_host)
    told = f"Operation {keeper.pk} (Migrate counter) can still bring counter back"
    refused = oscars_browser.post(address(on_host, action), {"name": "tally"})
    assert refused.status_code == 422
    assert told in text_of(refused)
    name = {"name": "tally"} if action == "rename" else {}
    answer = act(oscars_program, on_host, action=action, **name)
    assert (answer.status_code, answer.json()["code"]) == (409, "state_kept")
    assert done(fake_host) == []


@pytest.mark.parametrize("action, command", [("start", "start"), ("remove", "rm")])
def test_with_a_tick_the_state_may_be_lost(
    oscars_browser: Client, fake_host: FakeHost, on_host: Container, action: str, command: str
) -> None:
    has_counter(fake_host, "exited")
    Container.objects.update(state="exited")
    keeper = failed_rollback(on_host)
    dialog = text_of(oscars_browser.get(address(on_host, action)))
    assert keeper.get_absolute_url() in dialog
    assert "its state may be lost</label>" in dialog
    oscars_browser.post(address(on_host, action), {"force": "on"})
    assert done(fake_host) == [command]


def test_an_operation_that_has_no_way_back_any_more_keeps_nothing(
    oscars_browser: Client, fake_host: FakeHost, on_host: Container
) -> None:
    has_counter(fake_host, "exited")
    Container.objects.update(state="exited")
    failed_rollback(on_host)
    Operation.objects.update(error={"code": "settled"})
    oscars_browser.post(address(on_host, "remove"))
    assert done(fake_host) == ["rm"]
