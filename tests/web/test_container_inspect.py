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
from tests.factories import make_checkpoint, make_container
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


ASKING = "Asking alder whether it is removed when it stops"
REMOVED = "when it stops it is removed, with every file that it has changed"
STAYS = "Its files and its volumes stay. Start it again at any time"


def stop_address(container: Container) -> str:
    return reverse("container-action", args=[container.node_id, container.podman_id, "stop"])


def submit_in(html: str) -> str:
    return html[html.index('id="action-submit"') :].split(">", 1)[0]


@pytest.fixture(params=[True, False])
def auto_remove(request: pytest.FixtureRequest, fake_host: FakeHost, on_host: Container) -> bool:
    if request.param:
        told = recorded("inspect-counter.json")
        told = told.replace('"AutoRemove": false', '"AutoRemove": true')
        fake_host.answers["podman container inspect"] = (told, "", 0)
    return bool(request.param)


def test_the_stop_dialog_promises_nothing_before_it_knows_whether_the_container_goes_with_it(
    oscars_browser: Client, on_host: Container, auto_remove: bool
) -> None:
    question = f"{address(on_host)}?about=stop"
    dialog = text_of(oscars_browser.get(stop_address(on_host), headers=HTMX))
    assert f'hx-get="{question}"' in dialog
    assert (ASKING in dialog, REMOVED in dialog, STAYS in dialog) == (True, False, False)
    assert " disabled" in submit_in(dialog)

    answer = text_of(oscars_browser.get(question, headers=HTMX))
    assert (REMOVED in answer, STAYS in answer) == (auto_remove, not auto_remove)
    assert 'hx-swap-oob="true"' in submit_in(answer)
    assert " disabled" not in submit_in(answer)


def test_the_stop_page_knows_it_without_scripts(
    oscars_browser: Client, on_host: Container, auto_remove: bool
) -> None:
    page = text_of(oscars_browser.get(stop_address(on_host)))
    assert (REMOVED in page, STAYS in page) == (auto_remove, not auto_remove)
    assert (ASKING in page, " disabled" in submit_in(page)) == (False, False)


def test_a_node_that_does_not_answer_leaves_open_what_a_stop_removes(
    oscars_browser: Client, counter: Container
) -> None:
    answer = text_of(oscars_browser.get(f"{address(counter)}?about=stop", headers=HTMX))
    assert "It is not known whether it is removed when it stops" in answer
    assert STAYS not in answer
    assert " disabled" not in submit_in(answer)


def test_an_operation_holds_the_button_whatever_the_node_says(
    oscars_browser: Client, on_host: Container
) -> None:
    make_checkpoint(on_host)
    answer = text_of(oscars_browser.get(f"{address(on_host)}?about=stop", headers=HTMX))
    assert " disabled" in submit_in(answer)
