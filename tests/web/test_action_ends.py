"""How an action ends, and what is known of it: the hold, the pages, the audit log."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from nodes.models import AuditEvent, Container, Lease, Node
from nodes.operations import container_action
from nodes.operations.action_request import Action, ActionRequest
from nodes.operations.container_action import ActionFailed, act
from nodes.operations.container_hold import holder_of, take_hold
from nodes.ssh.errors import CommandTimedOut, NodeUnreachable
from nodes.ssh.session import NodeSession
from tests.factories import COUNTER_ID, make_container
from tests.fake_host import FakeHost
from tests.web.counter_on_host import has_counter
from tests.web.text import text_of

pytestmark = pytest.mark.django_db
STOP = ActionRequest(action=Action.STOP, time_s=20)
BROKEN = ("", "Error: something broke", 125)


@pytest.fixture
def on_host(fake_host: FakeHost, node_of: Callable[..., Node]) -> Container:
    has_counter(fake_host)
    return make_container(node_of(fake_host))


@pytest.fixture
def pings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return of which nodes the pages are told, beside what a look at one tells."""
    heard: list[int] = []

    async def ping(node_id: int) -> None:
        heard.append(node_id)

    monkeypatch.setattr(container_action, "ping_node", ping)
    return heard


def outcome() -> dict[str, Any]:
    detail = AuditEvent.objects.get(action="container.stop").detail
    return {name: detail[name] for name in ("outcome", "cause") if name in detail}


def test_the_node_itself_ends_a_command_before_the_hold_ends(
    oscar: User, fake_host: FakeHost, on_host: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, float] = {}
    run = NodeSession.run

    async def noted(session: NodeSession, argv: list[str], **options: Any) -> Any:
        if "stop" in argv:
            lease = await Lease.objects.aget()
            asked["hold"] = (lease.expires_at - timezone.now()).total_seconds()
            asked["wait"] = options["timeout_s"]
        return await run(session, argv, **options)

    monkeypatch.setattr(NodeSession, "run", noted)
    async_to_sync(act)(oscar, on_host, STOP)
    (limit,) = fake_host.limits_s
    # timeout(1) kills 5 s after that; the site waits for its answer, and the hold for both.
    assert limit > STOP.time_s
    assert limit + 5 < asked["wait"] < asked["hold"]


@pytest.mark.parametrize("status", [124, 137])
def test_a_command_that_was_broken_off_has_ended(
    oscar: User, fake_host: FakeHost, on_host: Container, status: int
) -> None:
    fake_host.answers["podman stop"] = ("", "", status)
    with pytest.raises(ActionFailed, match="within 80 s, so its command was broken off"):
        async_to_sync(act)(oscar, on_host, STOP)
    assert not Lease.objects.exists()
    assert outcome()["outcome"] == "failed"


@pytest.mark.parametrize(
    "error",
    [
        CommandTimedOut("alder", ["timeout", "-k", "5", "80", "podman", "stop"], 100),
        NodeUnreachable("alder", "127.0.0.1", 22, "the connection was lost"),
        asyncio.CancelledError(),
        # Of the site's own making.
        RuntimeError("a bug"),
    ],
)
def test_what_nobody_knows_the_end_of_stays_held(
    oscar: User, on_host: Container, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    async def fails(*_: object) -> bool:
        raise error

    monkeypatch.setattr(container_action, "_run", fails)
    with pytest.raises(type(error)):
        async_to_sync(act)(oscar, on_host, STOP)
    assert Lease.objects.get().holder.startswith("stop ")
    assert outcome() == {"outcome": "unknown"}


def test_a_command_that_did_not_end_goes_by_its_own_name() -> None:
    argv = ["timeout", "-k", "5", "80", "podman", "stop", "--time", "20"]
    assert "`podman stop --time` did not end" in str(CommandTimedOut("alder", argv, 100))


def test_the_audit_log_says_how_it_went(
    oscar: User, fake_host: FakeHost, on_host: Container
) -> None:
    async_to_sync(act)(oscar, on_host, STOP)
    assert outcome() == {"outcome": "done"}
    AuditEvent.objects.all().delete()
    fake_host.answers["podman stop"] = BROKEN
    with pytest.raises(ActionFailed):
        async_to_sync(act)(oscar, on_host, STOP)
    assert outcome() == {"outcome": "failed", "cause": "Error: something broke"}


@pytest.mark.parametrize("said", [("", "", 0), BROKEN])
def test_the_pages_are_told_of_the_end_although_nothing_else_has_changed(
    oscar: User, fake_host: FakeHost, on_host: Container, pings: list[int], said: Any
) -> None:
    fake_host.answers["podman stop"] = said
    try:
        async_to_sync(act)(oscar, on_host, STOP)
    except ActionFailed:
        assert said is BROKEN
    # That it has begun, and that it has ended.
    assert pings == [on_host.node_id] * 2


def test_the_pages_are_told_of_the_end_when_the_node_cannot_be_looked_at(
    oscar: User, fake_host: FakeHost, on_host: Container, pings: list[int]
) -> None:
    fake_host.afterwards["podman stop"] = {"podman ps": BROKEN}
    async_to_sync(act)(oscar, on_host, STOP)
    assert pings == [on_host.node_id] * 2
    assert not Lease.objects.exists()


def test_a_page_looks_again_when_a_hold_that_nobody_gives_back_has_ended(
    oscars_browser: Client, counter: Container
) -> None:
    assert take_hold(COUNTER_ID, holder_of(action="stop", user_name="ada", key="x"), 60)
    html = text_of(oscars_browser.get(counter.get_absolute_url()))
    waits = re.search(r'hx-get="([^"]*)" hx-trigger="load delay:(\d+)s"', html)
    assert waits is not None
    assert waits[1] == counter.get_absolute_url()
    assert 55 <= int(waits[2]) <= 61
