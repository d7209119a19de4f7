"""What is done to a container from its page: by whom, when not, and what is said of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from nodes.models import AuditEvent, BatchItemState, Container, Lease, Node, OperationState
from nodes.operations.batch_turn import turn
from nodes.operations.container_hold import give_back_hold, holder_of, take_hold
from tests.conftest import browser_of
from tests.factories import (
    COUNTER_ID,
    make_archive,
    make_batch,
    make_checkpoint,
    make_container,
    make_node,
)
from tests.fake_host import FakeHost
from tests.web.counter_on_host import has_counter
from tests.web.text import text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("archives_folder")]
HTMX = {"HX-Request": "true"}


def address(container: Container, action: str) -> str:
    return reverse("container-action", args=[container.node_id, container.podman_id, action])


@pytest.fixture
def on_host(fake_host: FakeHost, node_of: Callable[..., Node]) -> Container:
    """Return the container that the fake host's `podman ps` lists."""
    has_counter(fake_host)
    return make_container(node_of(fake_host))


def asked(host: FakeHost, action: str) -> list[list[str]]:
    return [argv for argv in host.commands if argv[:2] == ["podman", action]]


@pytest.mark.parametrize(
    "action, given, command, words",
    [
        ("start", {}, ["start", "--", COUNTER_ID], "counter was started on alder."),
        (
            "stop",
            {"time": "3"},
            ["stop", "--time", "3", "--", COUNTER_ID],
            "counter was stopped on alder.",
        ),
        (
            "restart",
            {},
            ["restart", "--time", "10", "--", COUNTER_ID],
            "counter was restarted on alder.",
        ),
        ("pause", {}, ["pause", "--", COUNTER_ID], "counter is paused on alder."),
        ("unpause", {}, ["unpause", "--", COUNTER_ID], "counter runs again on alder."),
        (
            "rename",
            {"name": "tally"},
            ["rename", "--", COUNTER_ID, "tally"],
            "counter is now called tally.",
        ),
        (
            "remove",
            {"force": "on"},
            ["rm", "--force", "--time", "10", "--", COUNTER_ID],
            "counter was removed from alder.",
        ),
    ],
)
def test_each_action_is_podmans_own_and_is_audited(
    oscars_browser: Client,
    fake_host: FakeHost,
    on_host: Container,
    action: str,
    given: dict[str, str],
    command: list[str],
    words: str,
) -> None:
    has_counter(fake_host, {"start": "exited", "unpause": "paused"}.get(action, "running"))
    response = oscars_browser.post(address(on_host, action), given, follow=True)
    assert asked(fake_host, command[0]) == [["podman", *command]]
    assert words in text_of(response)
    event = AuditEvent.objects.get(action=f"container.{action}")
    assert (event.user_name, event.subject, event.detail["node"]) == ("oscar", "counter", "alder")
    assert not Lease.objects.exists()
    # The node was asked again: this is what it says now.
    on_host.refresh_from_db()
    assert on_host.networks == ["podman"]


def test_a_container_that_does_not_run_is_removed_without_force(
    oscars_browser: Client, fake_host: FakeHost, on_host: Container
) -> None:
    has_counter(fake_host, "exited")
    Container.objects.update(state="exited")
    oscars_browser.post(address(on_host, "remove"))
    assert asked(fake_host, "rm") == [["podman", "rm", "--", COUNTER_ID]]


@pytest.mark.parametrize("state", ["running", "paused"])
def test_what_runs_is_removed_only_with_a_tick(
    oscars_browser: Client, fake_host: FakeHost, on_host: Container, state: str
) -> None:
    Container.objects.update(state=state)
    response = oscars_browser.post(address(on_host, "remove"), {})
    assert response.status_code == 422
    assert "Confirm that it is stopped first." in text_of(response)
    assert not asked(fake_host, "rm")


@pytest.mark.parametrize("action", ["start", "stop", "restart", "pause", "rename", "remove"])
@pytest.mark.parametrize("state", [OperationState.RUNNING, OperationState.UNKNOWN])
def test_nothing_is_done_while_an_operation_holds_the_container(
    oscars_browser: Client,
    fake_host: FakeHost,
    on_host: Container,
    action: str,
    state: OperationState,
) -> None:
    operation = make_checkpoint(on_host, state=state)
    given = {"name": "tally", "force": "on"}
    response = oscars_browser.post(address(on_host, action), given)
    assert response.status_code == 422
    html = text_of(response)
    assert f"counter is already in operation {operation.pk}" in html
    assert 'type="submit" disabled' in html
    assert all(argv[:2] in (["podman", "ps"],) for argv in fake_host.commands)
    assert not AuditEvent.objects.exists()
    assert not Lease.objects.exists()


def test_no_operation_begins_while_something_is_done(
    oscars_browser: Client, counter: Container
) -> None:
    assert take_hold(COUNTER_ID, holder_of(action="stop", user_name="ada", key="x"), 60)
    page = reverse("container-checkpoint", args=[counter.node_id, COUNTER_ID])
    response = oscars_browser.post(page)
    assert response.status_code == 422
    assert "Something is being done to counter right now (stop, by ada)." in text_of(response)
    html = text_of(oscars_browser.get(counter.get_absolute_url()))
    assert "Stopping counter, asked for by ada…" in html
    assert address(counter, "stop") not in html


def test_two_actions_do_not_cross(oscars_browser: Client, on_host: Container) -> None:
    assert take_hold(COUNTER_ID, holder_of(action="stop", user_name="ada", key="x"), 60)
    response = oscars_browser.post(address(on_host, "restart"))
    assert response.status_code == 422
    assert "Something is being done to counter" in text_of(response)


def test_a_hold_that_nobody_gave_back_ends_by_itself(
    oscars_browser: Client, fake_host: FakeHost, on_host: Container
) -> None:
    assert take_hold(COUNTER_ID, holder_of(action="stop", user_name="ada", key="x"), -1)
    has_counter(fake_host, "exited")
    assert oscars_browser.post(address(on_host, "start")).status_code == 302
    assert asked(fake_host, "start")


def test_a_preparation_waits_for_an_action(adas_program: Client, counter: Container) -> None:
    assert take_hold(COUNTER_ID, holder_of(action="stop", user_name="ada", key="x"), 60)
    body = {"kind": "prepare", "node": "alder"}
    answer = adas_program.post("/api/v1/operations", body, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (409, "in_action")


def test_what_podman_says_is_shown_with_a_remedy_and_nothing_stays_held(
    oscars_browser: Client, fake_host: FakeHost, on_host: Container
) -> None:
    has_counter(fake_host, "exited")
    said = "Error: rootlessport listen tcp 0.0.0.0:8081: bind: address already in use"
    fake_host.answers["podman start"] = ("", said, 126)
    response = oscars_browser.post(address(on_host, "start"), headers=HTMX)
    assert response.status_code == 422
    html = text_of(response)
    assert "Podman did not start counter on alder." in html
    assert "address already in use" in html
    assert "Something else on alder has a port that it publishes" in html
    assert "<html" not in html
    assert not Lease.objects.exists()


def test_a_node_that_does_not_answer_holds_nothing(
    oscars_browser: Client, counter: Container
) -> None:
    response = oscars_browser.post(address(counter, "stop"), {"time": "7"})
    assert response.status_code == 422
    assert "Check that the host is up" in text_of(response)
    assert response.context["form"]["time"].value() == "7"
    assert not Lease.objects.exists()
    assert not AuditEvent.objects.exists()


@pytest.mark.parametrize("name", ["", "-rf", "a b", "x/y", "<b>", "ä", "a" * 129, "x\n"])
def test_a_name_that_podman_refuses_is_refused_and_kept(
    oscars_browser: Client, fake_host: FakeHost, on_host: Container, name: str
) -> None:
    response = oscars_browser.post(address(on_host, "rename"), {"name": name})
    # Django strips white space around it, as a person would.
    if name == "x\n":
        assert asked(fake_host, "rename") == [["podman", "rename", "--", COUNTER_ID, "x"]]
        return
    assert response.status_code == 422
    assert response.context["form"]["name"].value() == name
    assert not asked(fake_host, "rename")


def test_a_name_that_is_taken_is_told_at_the_field(
    oscars_browser: Client, fake_host: FakeHost, on_host: Container
) -> None:
    make_container(on_host.node, "web", podman_id="b" * 64)
    known = oscars_browser.post(address(on_host, "rename"), {"name": "web"})
    assert "alder already has a container named web." in str(known.context["form"].errors["name"])
    said = 'Error: container name "pod1" is in use: pod already exists'
    fake_host.answers["podman rename"] = ("", said, 125)
    unknown = oscars_browser.post(address(on_host, "rename"), {"name": "pod1"})
    assert unknown.status_code == 422
    assert "named pod1" in str(unknown.context["form"].errors["name"])
    assert unknown.context["form"]["name"].value() == "pod1"


def test_a_program_that_had_to_be_killed_is_told(
    oscars_browser: Client, fake_host: FakeHost, on_host: Container
) -> None:
    warning = (
        "StopSignal SIGTERM failed to stop container counter in 2 seconds, resorting to SIGKILL"
    )
    fake_host.answers["podman stop"] = (COUNTER_ID, warning, 0)
    page = oscars_browser.post(address(on_host, "stop"), {"time": "2"}, follow=True)
    assert "It did not end by itself within 2 s, so it was killed." in text_of(page)


def test_the_copy_that_a_move_left_is_not_started_by_accident(
    oscars_browser: Client, fake_host: FakeHost, on_host: Container
) -> None:
    has_counter(fake_host, "exited")
    Container.objects.update(state="exited")
    make_container(make_node("birch"))
    page = text_of(oscars_browser.get(on_host.get_absolute_url()))
    assert f'<form class="act" method="post" action="{address(on_host, "start")}"' not in page
    refused = oscars_browser.post(address(on_host, "start"))
    assert refused.status_code == 422
    assert "counter already runs on birch" in text_of(refused)
    assert not asked(fake_host, "start")
    oscars_browser.post(address(on_host, "start"), {"force": "on"})
    assert asked(fake_host, "start")


@pytest.mark.parametrize(
    "state, offers, lacks",
    [
        ("running", ["stop", "restart", "pause", "rename", "remove"], ["start", "unpause"]),
        ("paused", ["unpause", "rename", "remove"], ["start", "stop", "restart", "pause"]),
        ("exited", ["start", "rename", "remove"], ["stop", "restart", "pause", "unpause"]),
    ],
)
def test_the_page_offers_what_the_state_allows(
    oscars_browser: Client,
    vera: User,
    counter: Container,
    state: str,
    offers: list[str],
    lacks: list[str],
) -> None:
    Container.objects.update(state=state)
    html = text_of(oscars_browser.get(counter.get_absolute_url()))
    assert all(address(counter, action) in html for action in offers)
    assert not any(address(counter, action) in html for action in lacks)
    seen = text_of(browser_of(vera).get(counter.get_absolute_url()))
    assert not any(address(counter, action) in seen for action in offers)


def test_during_an_operation_the_page_says_why_nothing_is_offered(
    oscars_browser: Client, counter: Container
) -> None:
    make_checkpoint(counter)
    html = text_of(oscars_browser.get(counter.get_absolute_url()))
    assert "Nothing else can be done to it until that has ended." in html
    assert address(counter, "stop") not in html


def test_the_dialog_says_what_stops_and_what_stays(
    oscars_browser: Client, counter: Container
) -> None:
    port = {"host_ip": "", "host_port": 8081, "container_port": 8080, "protocol": "tcp"}
    Container.objects.update(ports=[port])
    make_archive(counter.node)
    stop = text_of(oscars_browser.get(address(counter, "stop"), headers=HTMX))
    assert "counter ends. What it has in memory is lost." in stop
    assert "checkpoint counter instead" in stop
    assert "*:8081" in stop
    remove = text_of(oscars_browser.get(address(counter, "remove"), headers=HTMX))
    assert "So does its 1 archive in the catalog" in remove
    assert "Stop it first: it is running" in remove


def test_a_list_stays_where_it_is(
    oscars_browser: Client, on_host: Container, fake_host: FakeHost
) -> None:
    headers = {**HTMX, "HX-Current-URL": "http://testserver/containers/?q=count"}
    response = oscars_browser.post(address(on_host, "stop"), headers=headers)
    assert response["HX-Redirect"] == "/containers/?q=count"
    headers["HX-Current-URL"] = "http://elsewhere/containers/"
    response = oscars_browser.post(address(on_host, "stop"), headers=headers)
    assert response["HX-Redirect"] == on_host.get_absolute_url()


def test_who_removes_it_is_sent_to_the_node(
    oscars_browser: Client, fake_host: FakeHost, on_host: Container
) -> None:
    fake_host.afterwards["podman rm"] = {"podman ps": ("[]", "", 0)}
    headers = {**HTMX, "HX-Current-URL": f"http://testserver{on_host.get_absolute_url()}"}
    response = oscars_browser.post(address(on_host, "remove"), {"force": "on"}, headers=headers)
    assert response["HX-Redirect"] == on_host.node.get_absolute_url()


def test_an_action_that_there_is_not_is_not_found(
    oscars_browser: Client, counter: Container
) -> None:
    assert oscars_browser.get(address(counter, "explode")).status_code == 404


def test_a_batch_waits_until_the_action_has_ended(counter: Container) -> None:
    holder = holder_of(action="pause", user_name="ada", key="x")
    assert take_hold(COUNTER_ID, holder, 60)
    batch = make_batch([counter], Node.objects.get(name="birch"))
    turn()
    item = batch.items.get()
    assert item.state == BatchItemState.WAITING
    assert "Something is being done to counter right now" in item.reason
    give_back_hold(COUNTER_ID, holder)
    turn()
    item.refresh_from_db()
    assert item.state == BatchItemState.RUNNING
