"""Nodes by way of the pages: add, edit, confirm another host key, remove."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from nodes.inventory.site_key import load_site_key
from nodes.models import AuditEvent, Container, Node, NodeState
from tests.factories import make_node, make_operation
from tests.fake_host import FakeHost
from tests.web.text import text_of

pytestmark = pytest.mark.django_db
ADD = "/nodes/add/"
OTHER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + "A" * 43


def typed(host: FakeHost, **values: object) -> dict[str, object]:
    fields = {"name": "alder", "host": "127.0.0.1", "port": host.port, "user": "root"}
    return {**fields, **values}


def test_the_fingerprint_is_shown_before_anything_is_saved(
    adas_browser: Client, fake_host: FakeHost
) -> None:
    response = adas_browser.post(ADD, typed(fake_host))
    assert response.status_code == 200
    assert fake_host.fingerprint in text_of(response)
    assert load_site_key().public_key in text_of(response)
    assert not Node.objects.exists()


def test_a_confirmed_node_is_online_with_its_containers(
    adas_browser: Client, fake_host: FakeHost
) -> None:
    body = typed(fake_host, host_key=fake_host.host_key, password=fake_host.password)
    response = adas_browser.post(ADD, body, follow=True)
    node = Node.objects.get()
    assert response.redirect_chain == [(node.get_absolute_url(), 302)]
    assert node.state == NodeState.ONLINE
    assert "counter" in text_of(response)
    event = AuditEvent.objects.get(action="node.add")
    assert event.detail == {"host": "127.0.0.1", "fingerprint": fake_host.fingerprint}


def test_a_wrong_password_keeps_the_form_and_saves_nothing(
    adas_browser: Client, fake_host: FakeHost
) -> None:
    body = typed(fake_host, host_key=fake_host.host_key, password="wrong-secret")
    response = adas_browser.post(ADD, body)
    assert response.status_code == 422
    assert "refused to let root in with the password" in text_of(response)
    assert fake_host.fingerprint in text_of(response)
    assert "wrong-secret" not in text_of(response)
    assert not Node.objects.exists()


@pytest.mark.parametrize("host_key", ["", "nonsense", "ssh-ed25519 AAAA", "-oProxyCommand=id"])
def test_a_host_key_that_is_none_saves_nothing(
    adas_browser: Client, fake_host: FakeHost, host_key: str
) -> None:
    response = adas_browser.post(ADD, typed(fake_host, host_key=host_key))
    assert fake_host.fingerprint in text_of(response)
    assert not Node.objects.exists()


def test_a_host_that_does_not_answer_keeps_the_form(adas_browser: Client) -> None:
    body = {"name": "alder", "host": "127.0.0.1", "port": 1, "user": "root"}
    response = adas_browser.post(ADD, body)
    assert response.status_code == 422
    assert "cannot be reached at 127.0.0.1 port 1" in text_of(response)
    assert "Check that the host is up" in text_of(response)
    assert 'value="alder"' in text_of(response)


def _refuse_the_key(host: FakeHost) -> None:
    host.authorized_keys.clear()


def _refuse_sudo(host: FakeHost) -> None:
    host.sudo_error = "sudo: a password is required\n"


@pytest.mark.parametrize(
    "meddle, state, code, words",
    [
        (FakeHost.stop, "unreachable", "node_unreachable", "Check that the host is up"),
        (_refuse_the_key, "blocked", "authentication_refused", "ssh-ed25519 "),
        (FakeHost.new_host_key, "blocked", "host_key_changed", "ssh-keygen -lf"),
        (FakeHost.without_podman, "blocked", "podman_missing", "apt-get install podman criu"),
        (_refuse_sudo, "blocked", "sudo_refused", "NOPASSWD"),
    ],
)
def test_the_nodes_page_says_what_to_do(
    oscars_browser: Client,
    fake_host: FakeHost,
    node_of: Callable[..., Node],
    meddle: Callable[[FakeHost], None],
    state: str,
    code: str,
    words: str,
) -> None:
    node = node_of(fake_host, user="ferry", sudo=True)
    meddle(fake_host)
    response = oscars_browser.post(reverse("node-reconnect", args=[node.pk]), follow=True)
    node.refresh_from_db()
    assert (node.state, node.problem["code"]) == (state, code)
    assert words in text_of(response)
    assert node.problem["message"] in text_of(response)


def test_a_mended_node_comes_online_again(
    oscars_browser: Client, fake_host: FakeHost, node_of: Callable[..., Node]
) -> None:
    node = node_of(fake_host, state=NodeState.BLOCKED, problem={"code": "podman_missing"})
    response = oscars_browser.post(reverse("node-reconnect", args=[node.pk]), follow=True)
    assert "alder is online," in text_of(response)
    node.refresh_from_db()
    assert node.problem == {}


def test_a_changed_host_key_is_shown_beside_the_pinned_one_and_can_be_pinned(
    adas_browser: Client, fake_host: FakeHost, node_of: Callable[..., Node]
) -> None:
    node = node_of(fake_host)
    former = fake_host.fingerprint
    fake_host.new_host_key()
    address = reverse("node-host-key", args=[node.pk])

    shown = text_of(adas_browser.get(address))
    assert former in shown
    assert fake_host.fingerprint in shown

    adas_browser.post(address, {"host_key": fake_host.host_key})
    node.refresh_from_db()
    assert (node.state, node.host_key) == (NodeState.ONLINE, fake_host.host_key)
    detail = AuditEvent.objects.get(action="node.pin-host-key").detail
    assert detail == {"former": former, "fingerprint": fake_host.fingerprint}


def test_an_edited_node_is_looked_at_again(
    adas_browser: Client, fake_host: FakeHost, node_of: Callable[..., Node]
) -> None:
    node = node_of(fake_host, state=NodeState.UNREACHABLE)
    address = reverse("node-edit", args=[node.pk])
    adas_browser.post(address, typed(fake_host, name="rowan"))
    node.refresh_from_db()
    assert (node.name, node.state) == ("rowan", NodeState.ONLINE)
    assert AuditEvent.objects.get(action="node.edit").detail == {"changed": ["name"]}


def test_an_edit_that_is_refused_keeps_what_was_typed(adas_browser: Client) -> None:
    node = make_node()
    address = reverse("node-edit", args=[node.pk])
    body = {"name": "rowan", "host": "no host", "port": 22, "user": "root"}
    response = adas_browser.post(address, body)
    assert response.status_code == 422
    assert "Enter a host name or an IP address." in text_of(response)
    assert 'value="rowan"' in text_of(response)
    node.refresh_from_db()
    assert node.name == "alder"


@pytest.mark.parametrize("side", ["alder", "birch"])
def test_a_node_is_not_removed_while_an_operation_needs_it(
    adas_browser: Client, counter: Container, side: str
) -> None:
    make_operation(counter.node, Node.objects.get(name="birch"))
    node = Node.objects.get(name=side)
    response = adas_browser.post(reverse("node-remove", args=[node.pk]))
    assert response.status_code == 422
    assert Node.objects.filter(pk=node.pk).exists()


@pytest.mark.parametrize(
    "page, changed", [("node-edit", {"host": "::1"}), ("node-host-key", {"host_key": OTHER_KEY})]
)
def test_a_node_stays_where_it_is_while_an_operation_needs_it(
    adas_browser: Client, counter: Container, page: str, changed: dict[str, str]
) -> None:
    operation = make_operation(counter.node, Node.objects.get(name="birch"))
    body = {"name": "alder", "host": "127.0.0.1", "port": 1, "user": "root", **changed}
    response = adas_browser.post(reverse(page, args=[counter.node_id]), body, follow=True)
    assert f"alder is needed by operation {operation.pk}" in text_of(response)
    node = Node.objects.get(pk=counter.node_id)
    assert (node.host, node.host_key) == ("127.0.0.1", counter.node.host_key)


def test_a_removed_node_is_gone_and_the_host_was_not_asked(
    adas_browser: Client, fake_host: FakeHost, node_of: Callable[..., Node]
) -> None:
    node = node_of(fake_host)
    response = adas_browser.post(reverse("node-remove", args=[node.pk]), follow=True)
    assert "Nothing on the host was changed." in text_of(response)
    assert not Node.objects.exists()
    assert fake_host.commands == []
    assert AuditEvent.objects.get(action="node.remove").subject == "alder"
