"""The fleet page: filters of its address, board and table, long lists, however many nodes."""

from __future__ import annotations

import re
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client

from nodes.live import ping_node
from nodes.models import Container, Node, NodeState
from nodes.views.board import CHIPS_SHOWN
from tests.conftest import browser_of
from tests.factories import make_container, make_node
from tests.web.text import text_of
from tests.web.websocket import Socket

GIB = 1024**3
WARNED = [{"check": "clock", "level": "warning", "message": "The clock is wrong."}]


def podman_id(number: int) -> str:
    return f"{number:064x}"


@pytest.fixture
def fleet(db: None) -> dict[str, Node]:
    """Three nodes: alder with web and db in a pod, birch with a stopped job, cedar with none."""
    nodes = {
        "alder": make_node("alder", facts={"cpus": 8, "memory_total_bytes": 16 * GIB}),
        "birch": make_node("birch", findings=WARNED, facts={"cpus": 2, "podman_version": "5.8.6"}),
        "cedar": make_node("cedar", host="10.1.2.3", state=NodeState.UNREACHABLE),
    }
    web = {"pod": "shop", "image": "docker.io/nginx:1", "labels": {"app": "shop", "name": "läden"}}
    make_container(nodes["alder"], "web", podman_id=podman_id(1), **web)
    make_container(nodes["alder"], "db", podman_id=podman_id(2), pod="shop", image="postgres")
    make_container(nodes["birch"], "job", podman_id=podman_id(3), state="exited")
    return nodes


def shown(response: HttpResponse) -> dict[str, list[str]]:
    """Return the names of the containers of each card, by node."""
    found: dict[str, list[str]] = {}
    for card in re.split(r'<li id="node-\d+-card"', response.content.decode())[1:]:
        name = re.findall(r'data-name="([^"]+)"', card)[0]
        found[name] = re.findall(r'class="chip__name">([^<]+)<', card)
    return found


@pytest.mark.parametrize(
    "query, expected",
    [
        ("", {"alder": ["db", "web"], "birch": ["job"], "cedar": []}),
        ("?q=web", {"alder": ["web"]}),
        ("?q=NGINX", {"alder": ["web"]}),
        ("?q=app=shop", {"alder": ["web"]}),
        ("?q=läden", {"alder": ["web"]}),
        ("?q=name=läden", {"alder": ["web"]}),
        ("?q=app=other", {}),
        ("?q=alder", {"alder": ["db", "web"]}),
        ("?q=10.1.2", {"cedar": []}),
        ("?q=" + podman_id(3)[:63] + "3", {"birch": ["job"]}),
        ("?state=exited", {"birch": ["job"]}),
        ("?state=exited&q=alder", {}),
        ("?pod=shop", {"alder": ["db", "web"]}),
        ("?pod=shop&q=postgres", {"alder": ["db"]}),
        ("?readiness=warning", {"birch": ["job"]}),
        ("?node_state=unreachable", {"cedar": []}),
        ("?node_state=online&state=running", {"alder": ["db", "web"]}),
    ],
)
def test_the_board_shows_what_fits(
    oscars_browser: Client, fleet: dict[str, Node], query: str, expected: dict[str, list[str]]
) -> None:
    assert shown(oscars_browser.get(f"/{query}")) == expected


def test_it_is_said_how_much_fits_and_how_to_see_all(
    oscars_browser: Client, fleet: dict[str, Node]
) -> None:
    page = text_of(oscars_browser.get("/?q=web"))
    assert "Showing 1 of 3 nodes and 1 of 3 containers" in page
    assert "Clear filters" in page
    assert "Clear filters" not in text_of(oscars_browser.get("/"))


def test_an_empty_result_is_said_to_be_one(oscars_browser: Client, fleet: dict[str, Node]) -> None:
    page = text_of(oscars_browser.get("/?q=nothing-like-it"))
    assert "Nothing fits" in page
    assert "Show the whole fleet" in page
    assert "Add your first node" not in page


@pytest.mark.parametrize(
    "query",
    [
        "?q=%00", "?q=%25", "?q=%27--", "?q=" + "x" * 3000, "?state=%00", "?unfold=x",
        "?unfold=1,,", "?unfold=9999999999999999999999", "?readiness=moon", "?node_state=moon",
        "?view=moon", "?view=table&sort=moon", "?q=%3Cscript%3E", "?q==",
        "?q=%22%3D%5C", "?pod=%3Cscript%3E",
    ],
)  # fmt: skip
def test_hostile_addresses_break_nothing(
    oscars_browser: Client, fleet: dict[str, Node], query: str
) -> None:
    response = oscars_browser.get(f"/{query}")
    assert response.status_code == 200
    assert b"<script>" not in response.content


def test_the_form_works_without_scripts_and_keeps_what_is_chosen(
    oscars_browser: Client, fleet: dict[str, Node]
) -> None:
    page = text_of(oscars_browser.get("/?q=web&state=running&pod=shop&view=table"))
    assert 'name="q" value="web"' in page
    assert '<option value="running" selected>' in page
    assert '<option value="shop" selected>' in page
    assert '<input type="hidden" name="view" value="table">' in page


def test_htmx_is_given_an_address_without_empty_parameters(
    oscars_browser: Client, fleet: dict[str, Node]
) -> None:
    response = oscars_browser.get("/?q=web&state=&pod=", headers={"HX-Request": "true"})
    assert response["HX-Push-Url"] == "/?q=web"


def test_the_table_has_a_row_for_each_node_that_fits(
    oscars_browser: Client, fleet: dict[str, Node]
) -> None:
    page = text_of(oscars_browser.get("/?view=table&q=web"))
    assert page.count("<tr") == 2
    assert "alder" in page
    assert 'class="node-card"' not in page


@pytest.mark.parametrize(
    "sort, expected",
    [
        ("", ["alder", "birch", "cedar"]),
        ("-name", ["cedar", "birch", "alder"]),
        ("cpus", ["cedar", "birch", "alder"]),
        ("-containers", ["alder", "birch", "cedar"]),
        ("state", ["cedar", "alder", "birch"]),
        ("-podman", ["birch", "alder", "cedar"]),
    ],
)
def test_the_table_is_sorted_as_its_address_says(
    oscars_browser: Client, fleet: dict[str, Node], sort: str, expected: list[str]
) -> None:
    response = oscars_browser.get(f"/?view=table&sort={sort}")
    assert [node.name for node in response.context["nodes"]] == expected


def test_a_heading_sorts_by_its_column_and_then_the_other_way(
    oscars_browser: Client, fleet: dict[str, Node]
) -> None:
    page = oscars_browser.get("/?view=table&q=a").content.decode()
    assert 'aria-sort="ascending"' in page
    assert "?q=a&amp;view=table&amp;sort=-name" in page
    assert "?q=a&amp;view=table&amp;sort=-memory" in page


def test_a_long_list_is_folded_until_somebody_unfolds_it(
    oscars_browser: Client, fleet: dict[str, Node]
) -> None:
    cedar = fleet["cedar"]
    for number in range(CHIPS_SHOWN + 5):
        make_container(cedar, f"c{number:02}", podman_id=podman_id(100 + number))
    folded = oscars_browser.get("/")
    assert len(shown(folded)["cedar"]) == CHIPS_SHOWN
    assert "and 5 more" in text_of(folded)
    unfolded = oscars_browser.get(f"/?unfold={cedar.pk}")
    assert len(shown(unfolded)["cedar"]) == CHIPS_SHOWN + 5
    assert shown(unfolded)["alder"] == ["db", "web"]
    assert "Show fewer" in text_of(unfolded)


def test_each_node_that_is_unfolded_shows_its_list(
    oscars_browser: Client, fleet: dict[str, Node], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nodes.views.board.UNFOLDED_MOST", CHIPS_SHOWN + 2)
    for offset, name in enumerate(("birch", "cedar"), start=1):
        for number in range(CHIPS_SHOWN + 5):
            made = podman_id(100 * offset + number)
            make_container(fleet[name], f"{name[0]}{number:02}", podman_id=made)
    page = oscars_browser.get(f"/?unfold={fleet['birch'].pk},{fleet['cedar'].pk}")
    assert len(shown(page)["birch"]) == len(shown(page)["cedar"]) == CHIPS_SHOWN + 2


@pytest.mark.parametrize("version", ["5.²", "9" * 5000])
def test_what_a_node_tells_as_its_version_does_not_break_the_table(
    oscars_browser: Client, fleet: dict[str, Node], version: str
) -> None:
    Node.objects.filter(name="alder").update(facts={"podman_version": version})
    response = oscars_browser.get("/?view=table&sort=podman")
    assert len(response.context["nodes"]) == 3


def test_what_runs_is_not_folded_away(oscars_browser: Client, fleet: dict[str, Node]) -> None:
    birch = fleet["birch"]
    for number in range(CHIPS_SHOWN):
        make_container(birch, f"a{number:02}", podman_id=podman_id(100 + number), state="exited")
    make_container(birch, "zebra", podman_id=podman_id(200))
    assert shown(oscars_browser.get("/"))["birch"][0] == "zebra"


def test_a_card_tells_how_much_memory_is_in_use(
    oscars_browser: Client, fleet: dict[str, Node]
) -> None:
    facts = {"memory_total_bytes": 16 * GIB, "memory_available_bytes": 12 * GIB, "cpus": 8}
    Node.objects.filter(name="alder").update(facts=facts)
    assert "4.0 GiB of 16.0 GiB" in text_of(oscars_browser.get("/"))


def test_an_unreachable_node_says_when_it_was_seen(
    oscars_browser: Client, fleet: dict[str, Node]
) -> None:
    make_container(fleet["cedar"], "lost", podman_id=podman_id(9))
    page = text_of(oscars_browser.get("/?q=lost"))
    assert re.search(r"running, seen\s+<time", page)
    assert "data-carry=" not in page


@pytest.mark.parametrize("query", ["", "?q=c1&state=running", "?view=table"])
def test_the_number_of_queries_does_not_grow_with_the_fleet(
    oscars_browser: Client, fleet: dict[str, Node], query: str, django_assert_max_num_queries: Any
) -> None:
    for number in range(10):
        node = make_node(f"node{number}")
        for each in range(3):
            make_container(node, f"c{each}", podman_id=podman_id(1000 + number * 10 + each))
    with django_assert_max_num_queries(22):
        oscars_browser.get(f"/{query}")


@pytest.mark.django_db(transaction=True)
async def test_a_filtered_page_hears_only_of_what_fits(oscar: User, fleet: dict[str, Node]) -> None:
    client = await sync_to_async(browser_of)(oscar)
    async with Socket("/ws/fleet/?view=board&q=web", client) as socket:
        html = await socket.receive()
        assert ">web<" in html
        assert ">job<" not in html
        await Container.objects.filter(name="job").aupdate(name="web-job")
        await ping_node(fleet["birch"].pk)
        html = await socket.receive()
        assert ">web-job<" in html
        assert "Showing 2 of 3 nodes and 2 of 3 containers" in html


@pytest.mark.django_db(transaction=True)
async def test_a_table_stays_sorted_while_it_is_live(oscar: User, fleet: dict[str, Node]) -> None:
    client = await sync_to_async(browser_of)(oscar)
    async with Socket("/ws/fleet/?view=table&sort=-name", client) as socket:
        html = await socket.receive()
        assert html.index(">cedar<") < html.index(">birch<") < html.index(">alder<")
