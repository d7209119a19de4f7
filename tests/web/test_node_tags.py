"""Nodes are told apart by tags: typed on their form, filtered by on the fleet page."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from asgiref.sync import sync_to_async
from django.forms import model_to_dict
from django.test import Client
from django.urls import reverse

from nodes.models import Node
from tests.factories import make_node
from tests.fake_host import FakeHost
from tests.web.text import text_of
from tests.web.websocket import Socket

pytestmark = pytest.mark.django_db
JSON = "application/json"


@pytest.fixture
def alder(fake_host: FakeHost, node_of: Callable[..., Node]) -> Node:
    return node_of(fake_host)


def save(browser: Client, node: Node, tags: str) -> tuple[int, str]:
    """Return status and text of the answer."""
    where = model_to_dict(node, fields=["name", "host", "port", "user"])
    answer = browser.post(reverse("node-edit", args=[node.pk]), {**where, "tags": tags})
    return answer.status_code, text_of(answer)


def tagged(name: str, *tags: str) -> Node:
    node = make_node(name)
    node.tags = list(tags)
    node.save()
    return node


def shown(browser: Client, query: str) -> list[str]:
    return [node.name for node in browser.get(f"/{query}").context["nodes"]]


def test_tags_are_typed_with_blanks_or_commas_and_kept_in_order(
    adas_browser: Client, alder: Node
) -> None:
    assert save(adas_browser, alder, " edge,Berlin  edge ")[0] == 302
    alder.refresh_from_db()
    assert alder.tags == ["berlin", "edge"]
    assert (
        'value="berlin edge"'
        in adas_browser.get(reverse("node-edit", args=[alder.pk])).content.decode()
    )


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("<b>", "small letters, digits"),
        ("x" * 41, "up to 40"),
        (" ".join(f"tag-{number}" for number in range(21)), "up to 20 tags"),
    ],
)
def test_a_tag_that_cannot_be_is_told_and_changes_nothing(
    adas_browser: Client, alder: Node, typed: str, told: str
) -> None:
    status, text = save(adas_browser, alder, typed)
    assert (status, told in text) == (422, True)
    alder.refresh_from_db()
    assert alder.tags == []


def test_the_fleet_page_offers_the_tags_in_use_and_filters_by_one(oscars_browser: Client) -> None:
    tagged("alder", "berlin", "edge")
    tagged("birch", "berlin")
    make_node("cedar")
    page = oscars_browser.get("/").content.decode()
    assert '<a class="tag" href="/?tag=edge"' in page
    assert page.count('<option value="berlin">') == 1
    assert shown(oscars_browser, "?tag=berlin") == ["alder", "birch"]
    assert shown(oscars_browser, "?tag=edge&view=table") == ["alder"]
    assert shown(oscars_browser, "?tag=paris") == []


def test_a_node_is_found_by_its_tag_from_any_page(oscars_browser: Client) -> None:
    alder = tagged("alder", "berlin")
    make_node("cedar")
    page = oscars_browser.get("/search/?q=berl").content.decode()
    assert f'href="{alder.get_absolute_url()}"' in page
    assert "cedar" not in page


def test_a_tag_that_no_node_has_any_more_can_be_chosen_away(oscars_browser: Client) -> None:
    make_node("alder")
    page = oscars_browser.get("/?tag=paris").content.decode()
    assert '<option value="paris" selected>' in page


def test_a_program_sets_tags_and_lists_by_them(adas_program: Client, alder: Node) -> None:
    make_node("cedar")
    address = f"/api/v1/nodes/{alder.pk}"
    answer = adas_program.patch(address, {"tags": ["edge", "berlin"]}, content_type=JSON)
    assert (answer.status_code, answer.json()["tags"]) == (200, ["berlin", "edge"])
    found = adas_program.get("/api/v1/nodes?tag=edge").json()
    assert [node["name"] for node in found] == [alder.name]
    for wrong in (["a b"], ["edge\n"], None):
        refused = adas_program.patch(address, {"tags": wrong}, content_type=JSON)
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "tags")


def test_a_node_is_added_with_its_tags(adas_browser: Client, fake_host: FakeHost) -> None:
    where = {"name": "alder", "host": "127.0.0.1", "port": fake_host.port, "user": "root"}
    asked = adas_browser.post("/nodes/add/", {**where, "tags": "edge berlin"})
    assert '<input type="hidden" name="tags" value="edge berlin"' in asked.content.decode()
    key = {"host_key": fake_host.host_key, "password": fake_host.password}
    adas_browser.post("/nodes/add/", {**where, "tags": "edge berlin", **key})
    assert Node.objects.get().tags == ["berlin", "edge"]


@pytest.mark.django_db(transaction=True)
async def test_an_open_board_shows_another_tag_at_once(
    adas_browser: Client, oscars_browser: Client, alder: Node
) -> None:
    async with Socket("/ws/fleet/?view=board", oscars_browser) as socket:
        await socket.receive()
        await sync_to_async(save)(adas_browser, alder, "edge")
        told = [await socket.receive()]
        while not any('<a class="tag" href="/?tag=edge"' in each for each in told):
            told.append(await socket.receive())
