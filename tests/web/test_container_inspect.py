"""What Podman says of a container is asked for when somebody wants it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from nodes.feeds import inspection
from nodes.inventory.connect import address_of
from nodes.models import AuditEvent, Container, Node
from tests.conftest import browser_of
from tests.factories import make_container
from tests.fake_host import FakeHost, recorded
from tests.web.text import text_of

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def on_host(fake_host: FakeHost, node_of: Callable[..., Node]) -> Container:
    told = recorded("inspect-counter.json").replace('"HOME="', '"TOKEN=hunter2<b>"')
    fake_host.answers["podman container inspect"] = (told, "", 0)
    return make_container(node_of(fake_host))


def address(container: Container, name: str = "container-inspect") -> str:
    return reverse(name, args=[container.node_id, container.podman_id])


def test_opening_the_page_asks_the_node_for_nothing(
    vera: User, fake_host: FakeHost, on_host: Container
) -> None:
    html = text_of(browser_of(vera).get(on_host.get_absolute_url()))
    assert address(on_host) in html
    assert fake_host.commands == []


def test_everybody_sees_all_but_the_values_of_its_environment(
    vera: User, on_host: Container
) -> None:
    html = text_of(browser_of(vera).get(address(on_host), headers=HTMX))
    assert "<html" not in html
    assert "10.88.0.2/16" in html
    assert "<code>TOKEN</code>" in html
    assert "hunter2" not in html
    assert address(on_host, "container-environment") not in html


def test_values_are_shown_to_operators_and_that_is_audited(
    oscars_browser: Client, on_host: Container
) -> None:
    response = oscars_browser.post(address(on_host, "container-environment"), headers=HTMX)
    assert b"hunter2&lt;b&gt;" in response.content
    assert "no-store" in response["Cache-Control"]
    event = AuditEvent.objects.get()
    assert (event.action, event.user_name) == ("container.show-environment", "oscar")
    assert "hunter2" not in str(event.detail)


def test_a_node_that_does_not_answer_says_what_to_do(
    oscars_browser: Client, counter: Container
) -> None:
    assert "Check that the host is up" in text_of(oscars_browser.get(address(counter)))
    response = oscars_browser.post(address(counter, "container-environment"))
    assert response.status_code == 422
    assert not AuditEvent.objects.exists()


def inspections(host: FakeHost) -> int:
    return sum(command[:3] == ["podman", "container", "inspect"] for command in host.commands)


def test_a_node_is_asked_once_for_all_who_look_at_about_that_time(
    vera: User, fake_host: FakeHost, on_host: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = browser_of(vera)
    for _ in range(5):
        assert "10.88.0.2/16" in text_of(browser.get(address(on_host), headers=HTMX))
    assert inspections(fake_host) == 1
    monkeypatch.setattr(inspection, "FRESH_S", 0.0)
    browser.get(address(on_host), headers=HTMX)
    assert inspections(fake_host) == 2


def test_a_node_is_asked_one_thing_at_a_time(
    counter: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking = most = 0

    async def ask(container: Container) -> str:
        nonlocal asking, most
        asking += 1
        most = max(most, asking)
        await asyncio.sleep(0.01)
        asking -= 1
        return container.podman_id

    monkeypatch.setattr(inspection, "_ask", ask)
    containers = [Container(node=counter.node, podman_id=f"{number:064x}") for number in range(20)]
    with ThreadPoolExecutor(len(containers)) as threads:
        answers = list(threads.map(inspection.inspection_of, containers))
    assert answers == [container.podman_id for container in containers]
    assert most == 1


def test_who_would_wait_for_long_is_told_so(
    oscars_browser: Client, on_host: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inspection, "WAIT_S", 0.01)
    asked = inspection._asked.setdefault(address_of(on_host.node), inspection._Asked())
    with asked.turn:
        page = text_of(oscars_browser.get(address(on_host)))
    assert "alder is still answering others." in page
    assert "10.88.0.2/16" in text_of(oscars_browser.get(address(on_host)))


@pytest.mark.parametrize("auto_remove", [True, False])
def test_the_stop_dialog_learns_whether_the_container_goes_with_it(
    oscars_browser: Client, fake_host: FakeHost, on_host: Container, auto_remove: bool
) -> None:
    stop = reverse("container-action", args=[on_host.node_id, on_host.podman_id, "stop"])
    question = f"{address(on_host)}?about=stop"
    assert f'hx-get="{question}"' in text_of(oscars_browser.get(stop, headers=HTMX))
    told = recorded("inspect-counter.json")
    if auto_remove:
        told = told.replace('"AutoRemove": false', '"AutoRemove": true')
    fake_host.answers["podman container inspect"] = (told, "", 0)
    html = text_of(oscars_browser.get(question, headers=HTMX))
    assert ("when it stops it is removed" in html) is auto_remove
