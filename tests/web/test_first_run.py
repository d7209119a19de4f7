"""An empty site leads to its first two nodes; an empty list says what to do next."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from nodes.finding import Finding, error, ok
from nodes.inventory.site_key import load_site_key
from nodes.models import NodeState, OperationState
from tests.conftest import browser_of
from tests.factories import make_container, make_node, make_operation, make_schedule
from tests.web.text import text_of
from tests.web.websocket import Socket


def fleet(browser: Client) -> str:
    return text_of(browser.get(reverse("fleet")))


def seen(name: str, *findings: Finding, **values: Any) -> Any:
    """Make a node that has let the site in and was looked at."""
    told = [finding.as_dict() for finding in findings or [ok("podman", "Podman is there.")]]
    return make_node(name, findings=told, last_seen_at=timezone.now(), **values)


@pytest.mark.django_db
def test_an_empty_site_shows_an_admin_the_line_and_the_form(adas_browser: Client) -> None:
    page = fleet(adas_browser)
    assert load_site_key().public_key in page
    assert f'action="{reverse("node-add")}"' in page
    assert 'name="host"' in page


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["vera", "oscar"])
def test_others_are_told_whom_to_ask(name: str, request: pytest.FixtureRequest) -> None:
    page = fleet(browser_of(request.getfixturevalue(name)))
    assert "Only an admin may add one" in page
    assert 'name="host"' not in page


@pytest.mark.django_db
def test_the_guide_ticks_off_what_is_done_and_wants_a_second_node(adas_browser: Client) -> None:
    seen("alder")
    page = fleet(adas_browser)
    assert "alder is added" in page
    assert "alder</a> is ready." in page
    assert "Add a second node" in page
    assert 'name="host"' not in page


@pytest.mark.django_db
def test_a_node_that_is_not_ready_offers_its_preparation(adas_browser: Client) -> None:
    node = seen("alder", error("runc", "runc is missing."))
    page = fleet(adas_browser)
    assert "1 check does not pass" in page
    assert reverse("node-prepare", args=[node.pk]) in page


@pytest.mark.django_db
def test_a_node_that_cannot_be_used_says_why(adas_browser: Client) -> None:
    make_node("alder", state=NodeState.UNREACHABLE, problem={"message": "alder is <b>off</b>."})
    page = adas_browser.get(reverse("fleet")).content.decode()
    assert "alder is &lt;b&gt;off&lt;/b&gt;." in page
    assert "See what to do" in page


@pytest.mark.django_db
def test_two_nodes_that_are_ready_need_no_guide(adas_browser: Client) -> None:
    seen("alder")
    seen("birch")
    assert 'class="card guide"' not in fleet(adas_browser)


@pytest.mark.django_db
def test_a_fleet_that_has_moved_a_container_is_not_led_by_the_hand(adas_browser: Client) -> None:
    alder, birch = seen("alder"), seen("birch", error("runc", "runc is missing."))
    assert 'class="card guide"' in fleet(adas_browser)
    make_operation(alder, birch, state=OperationState.SUCCEEDED)
    assert 'class="card guide"' not in fleet(adas_browser)


@pytest.mark.django_db
def test_the_guide_is_hidden_and_brought_back_by_undo(adas_browser: Client) -> None:
    seen("alder")
    hidden = adas_browser.post(reverse("guide-dismiss"), follow=True)
    assert '<div class="guide-place" hidden>' in text_of(hidden)
    assert "Undo" in text_of(hidden)
    shown = adas_browser.post(reverse("guide-dismiss"), {"show": "on"}, follow=True)
    assert '<div class="guide-place">' in text_of(shown)


# Django's csrf_token says so of itself where there is none.
@pytest.mark.filterwarnings("ignore:Calling format_html:DeprecationWarning")
@pytest.mark.django_db(transaction=True)
async def test_the_guide_goes_on_by_itself(adas_browser: Client) -> None:
    async with Socket("/ws/fleet/?view=board", adas_browser) as socket:
        assert "Add your first node" in await socket.receive()


@pytest.mark.django_db
def test_a_schedule_that_was_disabled_is_enabled_again_by_undo(oscars_browser: Client) -> None:
    schedule = make_schedule()
    switch = reverse("schedule-switch", args=[schedule.pk])
    page = text_of(oscars_browser.post(switch, {"from": "list"}, follow=True))
    assert "does not run until it is enabled" in page
    assert f'action="{switch}"' in page
    assert '<input type="hidden" name="enabled" value="on">' in page


EMPTY = [
    ("container-list", "No container yet", "fleet"),
    ("operation-list", "No operation yet", "container-list"),
    ("archive-list", "No archive yet", "container-list"),
    ("schedule-list", "No schedule yet", ""),
    ("batch-list", "No batch yet", "container-list"),
]


@pytest.mark.django_db
@pytest.mark.parametrize("route, says, leads_to", EMPTY)
@pytest.mark.parametrize("name", ["vera", "oscar", "ada"])
def test_an_empty_list_says_what_to_do_next_and_its_link_works_for_this_role(
    route: str, says: str, leads_to: str, name: str, request: pytest.FixtureRequest
) -> None:
    user: User = request.getfixturevalue(name)
    browser = browser_of(user)
    page = text_of(browser.get(reverse(route)))
    empty = page.split(f"<h2>{says}</h2>")[1].split("</div>")[0]
    links = [part.split('"')[0] for part in empty.split('href="')[1:]]
    assert links
    assert not leads_to or reverse(leads_to) in links
    assert [browser.get(link).status_code for link in links] == [200] * len(links)


@pytest.mark.django_db
def test_a_search_without_a_hit_offers_the_archives(oscars_browser: Client) -> None:
    make_container(make_node("alder"))
    page = text_of(oscars_browser.get(reverse("container-list"), {"q": "no & such"}))
    assert f"{reverse('archive-list')}?q=no%20%26%20such" in page
    assert "Show all containers" not in page
