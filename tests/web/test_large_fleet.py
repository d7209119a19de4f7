"""The board of a large fleet: few chips on each card, few queries, no card rendered in vain."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from nodes.models import Container, Node, NodeState, OperationState
from nodes.templatetags import cards
from nodes.views import board
from nodes.views.board import CHIPS_SHOWN, CHIPS_SHOWN_OF_MANY
from nodes.views.board_filter import BoardFilter
from tests.conftest import browser_of
from tests.factories import make_node, make_operation

pytestmark = pytest.mark.django_db


def fill(node: Node, count: int, **values: object) -> None:
    started_at = timezone.now() - timedelta(days=3)
    Container.objects.bulk_create(
        Container(
            node=node,
            podman_id=f"{node.pk:032x}{number:032x}",
            **{
                "name": f"{node.name}-{number:03}",
                "state": "running",
                "started_at": started_at,
                "observed_at": timezone.now(),
                **values,
            },
        )
        for number in range(count)
    )


def page(browser: Client) -> tuple[str, int]:
    """Return the fleet page, and how many queries it took."""
    with CaptureQueriesContext(connection) as queries:
        html = browser.get("/").content.decode()
    return html, len(queries)


def test_the_cards_of_many_nodes_show_fewer_containers_together_and_alone(
    oscars_browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(make_node("alder"), CHIPS_SHOWN)
    birch = make_node("birch")
    fill(birch, CHIPS_SHOWN)
    monkeypatch.setattr(board, "LARGE_FLEET", 1)
    assert page(oscars_browser)[0].count('class="chip"') == 2 * CHIPS_SHOWN_OF_MANY
    (alone,) = board.nodes_on_board(BoardFilter(), [birch.pk])
    assert len(alone.containers_shown) == CHIPS_SHOWN_OF_MANY


def test_the_number_of_queries_does_not_grow_with_nodes_and_containers(
    oscars_browser: Client,
) -> None:
    fill(make_node("alder"), 2)
    page(oscars_browser)
    few = page(oscars_browser)[1]
    for number in range(20):
        fill(make_node(f"node-{number}"), 30)
    assert page(oscars_browser)[1] == few
    assert page(oscars_browser)[1] == few


def test_a_card_shows_the_first_containers_and_how_many_more_there_are(
    oscars_browser: Client,
) -> None:
    alder = make_node("alder")
    fill(alder, CHIPS_SHOWN + 38)
    html, _ = page(oscars_browser)
    assert html.count('class="chip"') == CHIPS_SHOWN
    assert "and 38 more" in html
    assert "50 of 50 containers running" in html
    everything = oscars_browser.get(alder.get_absolute_url()).content.decode()
    assert f"alder-{CHIPS_SHOWN + 37:03}" in everything


def test_a_card_with_room_for_all_folds_none(oscars_browser: Client) -> None:
    fill(make_node("alder"), CHIPS_SHOWN)
    html, _ = page(oscars_browser)
    assert html.count('class="chip"') == CHIPS_SHOWN
    assert " more</a>" not in html


def test_running_containers_are_not_folded_behind_stopped_ones(oscars_browser: Client) -> None:
    alder = make_node("alder")
    fill(alder, CHIPS_SHOWN, state="exited")
    Container.objects.filter(name="alder-011").update(name="zebra", state="running")
    fill(make_node("birch"), 1)
    Container.objects.filter(name="birch-000").update(node=alder, name="yak")
    html, _ = page(oscars_browser)
    assert "yak" in html
    assert "zebra" in html


def test_a_card_shows_that_its_container_is_being_moved(oscars_browser: Client) -> None:
    alder, birch = make_node("alder"), make_node("birch")
    fill(alder, 1)
    page(oscars_browser)
    container = Container.objects.get()
    make_operation(
        alder, birch, state=OperationState.RUNNING, container_podman_id=container.podman_id
    )
    assert "Show the operation on alder-000" in page(oscars_browser)[0]


def test_a_card_is_rendered_again_only_when_it_shows_something_else(
    oscars_browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("alder", "birch", "cedar"):
        fill(make_node(name), 3)
    rendered: list[str] = []
    real = cards.render_to_string

    def render(template: str, context: dict[str, object]) -> str:
        rendered.append(str(context["node"]))
        return real(template, context)

    monkeypatch.setattr(cards, "render_to_string", render)
    monkeypatch.setattr(cards, "_known", {})
    page(oscars_browser)
    assert rendered == ["alder", "birch", "cedar"]
    # A look at a node that finds what was there moves these, and nothing that is shown.
    Container.objects.update(observed_at=timezone.now(), status="Up 4 days")
    Node.objects.update(last_seen_at=timezone.now())
    page(oscars_browser)
    assert len(rendered) == 3
    Container.objects.filter(name="birch-001").update(state="exited")
    html, _ = page(oscars_browser)
    assert rendered[3:] == ["birch"]
    assert 'data-state="exited"' in html


def test_a_card_tells_how_old_what_it_shows_is(oscars_browser: Client) -> None:
    fill(make_node("alder"), 1)
    assert "3 d ago" in page(oscars_browser)[0]
    earlier = timezone.now() - timedelta(days=4)
    Container.objects.update(started_at=earlier)
    assert "4 d ago" in page(oscars_browser)[0]
    hour = timezone.now() - timedelta(hours=1, minutes=1)
    Container.objects.update(observed_at=hour)
    Node.objects.update(state=NodeState.UNREACHABLE)
    assert "1 h ago" in page(oscars_browser)[0]


def test_ages_go_on_in_a_card_that_has_not_changed(
    oscars_browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(make_node("alder"), 1)
    assert "3 d ago" in page(oscars_browser)[0]
    tomorrow = timezone.now() + timedelta(days=1)
    monkeypatch.setattr("nodes.templatetags.units.timezone.now", lambda: tomorrow)
    assert "4 d ago" in page(oscars_browser)[0]


def test_no_user_is_shown_the_card_of_other_rights(oscar: User, vera: User) -> None:
    fill(make_node("alder"), 1)
    assert "Migrate alder-000" in page(browser_of(oscar))[0]
    assert "Migrate alder-000" not in page(browser_of(vera))[0]
    assert "Migrate alder-000" in page(browser_of(oscar))[0]


def test_a_card_holds_nothing_for_websockets_on_the_page(oscars_browser: Client) -> None:
    fill(make_node("alder"), 1)
    html, _ = page(oscars_browser)
    assert "hx-swap-oob" not in html[html.index('class="node-grid"') :]
