"""A look at a node tells its pages only what has changed since the one before."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User

from nodes.inventory.observation import save_containers
from nodes.live import ping_look
from nodes.models import Container, Node
from nodes.podman.containers import parse_containers
from tests.conftest import browser_of
from tests.factories import make_node
from tests.fake_host import recorded
from tests.web.websocket import Socket


def look(node: Node, *changes: dict[str, Any]) -> bool:
    """Save what `podman ps` said, the first containers changed so; return whether it is news."""
    rows = json.loads(recorded("ps.json"))
    for row, change in zip(rows, changes, strict=False):
        row.update(change)
    return save_containers(node.pk, parse_containers(json.dumps(rows)))


def observed(node: Node) -> list[datetime]:
    return list(node.containers.values_list("observed_at", flat=True))


@pytest.mark.django_db
def test_a_look_that_finds_what_was_there_is_no_news_and_is_noted() -> None:
    node = make_node()
    assert look(node)
    before = observed(node)
    assert not look(node)
    assert all(now > then for now, then in zip(observed(node), before, strict=True))


@pytest.mark.django_db
def test_podmans_ageing_words_are_kept_and_are_no_news() -> None:
    node = make_node()
    look(node)
    assert not look(node, {"Status": "Up 3 weeks"})
    assert node.containers.filter(status="Up 3 weeks").exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "change",
    [{"State": "paused"}, {"Names": ["other"]}, {"Ports": []}, {"Labels": {"a": "b"}}],
)
def test_any_other_change_is_news_and_touches_no_other_container(change: dict[str, Any]) -> None:
    node = make_node()
    look(node)
    before = dict(node.containers.values_list("podman_id", "pk"))
    assert look(node, change)
    assert not look(node, change)
    assert dict(node.containers.values_list("podman_id", "pk")) == before


@pytest.mark.django_db
def test_a_container_that_has_gone_is_news_and_has_no_row() -> None:
    node = make_node()
    look(node)
    rows = json.loads(recorded("ps.json"))
    assert save_containers(node.pk, parse_containers(json.dumps(rows[1:])))
    assert not Container.objects.filter(podman_id=rows[0]["Id"]).exists()


@pytest.mark.django_db(transaction=True)
async def test_only_pages_that_tell_of_looks_hear_of_one(vera: User, counter: Container) -> None:
    browser = await sync_to_async(browser_of)(vera)
    query = f"node={counter.node_id}&container={counter.podman_id}"
    async with (
        Socket("/ws/fleet/?view=board", browser) as board,
        Socket(f"/ws/fleet/?view=container&{query}", browser) as page,
    ):
        await board.receive()
        await page.receive()
        await Container.objects.aupdate(name="renamed")
        await ping_look(counter.node_id)
        assert "renamed" in await page.receive()
        assert await board.is_silent(0.4)
