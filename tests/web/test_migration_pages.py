"""The dialog that moves a container, and the pages of operations."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from nodes.models import AuditEvent, Container, Node, Operation, OperationState
from tests.factories import make_container, make_operation
from tests.fake_host import FakeHost
from tests.web.text import text_of

pytestmark = pytest.mark.django_db


def address(name: str, container: Container) -> str:
    return reverse(name, args=[container.node_id, container.podman_id])


def birch() -> Node:
    return Node.objects.get(name="birch")


def test_a_started_migration_leads_to_its_page(oscars_browser: Client, counter: Container) -> None:
    body = {"destination": birch().pk, "compress": "gzip", "keep_source": "on"}
    response = oscars_browser.post(address("container-migrate", counter), body)
    operation = Operation.objects.get()
    assert (response.status_code, response["Location"]) == (302, operation.get_absolute_url())
    assert operation.options["compress"] == "gzip"
    assert operation.options["keep_source"] is True
    assert operation.state == OperationState.QUEUED
    assert "counter" in text_of(oscars_browser.get(operation.get_absolute_url()))
    assert AuditEvent.objects.get(action="operation.start").user_name == "oscar"


def test_htmx_is_sent_there_by_header(oscars_browser: Client, counter: Container) -> None:
    response = oscars_browser.post(
        address("container-migrate", counter),
        {"destination": birch().pk},
        headers={"HX-Request": "true"},
    )
    assert response["HX-Redirect"] == Operation.objects.get().get_absolute_url()


def test_the_dialog_alone_is_sent_to_htmx(oscars_browser: Client, counter: Container) -> None:
    page = oscars_browser.get(address("container-migrate", counter))
    dialog = oscars_browser.get(
        address("container-migrate", counter), headers={"HX-Request": "true"}
    )
    assert "<html" in page.content.decode()
    assert "<html" not in dialog.content.decode()
    assert 'name="destination"' in dialog.content.decode()


def test_the_second_migration_is_refused_and_names_the_first(
    oscars_browser: Client, counter: Container
) -> None:
    first = make_operation(counter.node, birch())
    response = oscars_browser.post(
        address("container-migrate", counter), {"destination": birch().pk}
    )
    assert response.status_code == 422
    assert f"counter is already in operation {first.pk}" in text_of(response)
    assert Operation.objects.count() == 1


def test_the_node_itself_is_no_destination(oscars_browser: Client, counter: Container) -> None:
    response = oscars_browser.post(
        address("container-migrate", counter), {"destination": counter.node_id}
    )
    assert response.status_code == 422
    assert not Operation.objects.exists()


def test_preflight_shows_its_findings(
    oscars_browser: Client, start_host: Callable[[], FakeHost], node_of: Callable[..., Node]
) -> None:
    source, destination = start_host(), start_host()
    destination.answers["criu check"] = ("", "Error: no userfaultfd\n", 1)
    container = make_container(node_of(source, "alder"))
    there = node_of(destination, "birch")
    response = oscars_browser.post(
        address("container-preflight", container), {"destination": there.pk}
    )
    assert "counter is running." in text_of(response)
    assert "no userfaultfd" in text_of(response)
    assert not Operation.objects.exists()


def test_preflight_of_an_unreachable_node_says_what_to_do(
    oscars_browser: Client, counter: Container
) -> None:
    response = oscars_browser.post(
        address("container-preflight", counter), {"destination": birch().pk}
    )
    assert "Check that the host is up" in text_of(response)


def test_a_queued_operation_is_cancelled(oscars_browser: Client, counter: Container) -> None:
    operation = make_operation(counter.node, birch())
    oscars_browser.post(reverse("operation-cancel", args=[operation.pk]))
    operation.refresh_from_db()
    assert operation.state == OperationState.CANCELLED
    assert operation.ended_at


def test_an_ended_operation_cannot_be_cancelled(oscars_browser: Client, counter: Container) -> None:
    operation = make_operation(counter.node, birch(), state=OperationState.SUCCEEDED)
    response = oscars_browser.post(reverse("operation-cancel", args=[operation.pk]), follow=True)
    assert "The operation has ended" in text_of(response)


@pytest.mark.parametrize("state", OperationState)
def test_an_operations_page_renders_in_every_state(
    oscars_browser: Client, counter: Container, state: OperationState
) -> None:
    error = {"code": "x", "message": "It failed.", "cause": "Why.", "remedy": "Do this."}
    operation = make_operation(
        counter.node,
        birch(),
        state=state,
        error=error if state in ("failed", "unknown") else {},
    )
    html = text_of(oscars_browser.get(operation.get_absolute_url()))
    assert f'data-state="{state}"' in html
    if operation.error:
        assert "Do this." in html


def test_a_long_operations_page_shows_its_last_events_in_order(
    oscars_browser: Client, counter: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nodes.views.operation_log.LOG_ROWS", 2)
    operation = make_operation(counter.node, birch())
    for message in ("first", "second", "third"):
        operation.events.create(message=message)
    events = oscars_browser.get(operation.get_absolute_url()).context["events"]
    assert [event.message for event in events] == ["second", "third"]


def test_a_container_that_is_gone_is_not_found(oscars_browser: Client, counter: Container) -> None:
    shown = address("container-detail", counter)
    assert oscars_browser.get(shown).status_code == 200
    counter.delete()
    assert oscars_browser.get(shown).status_code == 404
