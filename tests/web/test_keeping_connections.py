"""The migrate dialog says whether open connections survive a move, and offers to keep them."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from nodes.models import Container, Node
from tests.factories import make_container
from tests.fake_host import FakeHost, recorded
from tests.web.text import text_of

pytestmark = pytest.mark.django_db
_LAN = {
    "name": "lan",
    "driver": "macvlan",
    "network_interface": "eth0",
    "subnets": [{"subnet": "10.0.0.0/24"}],
}
# One connection to 10.0.0.1, as /proc/PID/net/tcp has it.
_SOCKETS = "  0: C800000A:1F90 0100000A:C350 01 00000000:00000000 00:00000000\n"


@pytest.fixture
def fake_birch(start_host: Callable[[], FakeHost], node_of: Callable[..., Node]) -> FakeHost:
    host = start_host()
    node_of(host, "birch")
    return host


@pytest.fixture
def echo(
    start_host: Callable[[], FakeHost], node_of: Callable[..., Node], fake_birch: FakeHost
) -> Container:
    """Run a container with an address of its own and a client; birch has its network, too."""
    inspected = json.loads(recorded("inspect-counter.json"))
    inspected[0]["NetworkSettings"]["Networks"] = {
        "lan": {"IPAddress": "10.0.0.200", "MacAddress": "02:fe:00:00:00:c8"}
    }
    pid = inspected[0]["State"]["Pid"]
    source = start_host()
    for host in (source, fake_birch):
        host.answers["podman network ls"] = ("podman\nlan\n", "", 0)
        host.answers["podman network inspect"] = (json.dumps([_LAN]), "", 0)
        host.answers["sh"] = ("", "", 0)
        host.tools += ["nft", "python3"]
    source.answers["podman container inspect"] = (json.dumps(inspected), "", 0)
    source.answers[f"cat /proc/{pid}/net/tcp"] = (_SOCKETS, "", 0)
    return make_container(node_of(source, "alder"))


def preflight(browser: Client, container: Container, **options: str) -> str:
    address = reverse("container-preflight", args=[container.node_id, container.podman_id])
    body = {"destination": Node.objects.get(name="birch").pk, **options}
    return browser.post(address, body).content.decode()


def test_the_dialog_asks_whether_to_keep_open_connections(
    oscars_browser: Client, counter: Container
) -> None:
    address = reverse("container-migrate", args=[counter.node_id, counter.podman_id])
    assert "Keep open connections" in text_of(oscars_browser.get(address))


def test_keeping_connections_is_offered_where_they_survive(
    oscars_browser: Client, echo: Container
) -> None:
    page = preflight(oscars_browser, echo)
    assert "1 established" in page
    assert 'data-offer="tcp_established=on"' in page


def test_connections_that_are_kept_are_said_to_be(oscars_browser: Client, echo: Container) -> None:
    page = preflight(oscars_browser, echo, tcp_established="on")
    shown = page.partition("findings__passed")[0]
    assert "connections to 10.0.0.200 are kept" in shown
    assert "data-offer" not in page


def test_keeping_is_not_offered_where_the_destination_has_another_network_of_the_name(
    oscars_browser: Client, echo: Container, fake_birch: FakeHost
) -> None:
    other = json.dumps([{**_LAN, "driver": "bridge"}])
    fake_birch.answers["podman network inspect"] = (other, "", 0)
    page = preflight(oscars_browser, echo)
    assert "1 established" in page
    assert "The destination has no macvlan network lan" in page
    assert "data-offer" not in page
