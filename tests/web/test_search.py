"""The search of every page: a few of each kind, under the field and on a page of its own."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from nodes.models import Container, Node, OperationState
from nodes.views.search import FEW
from tests.conftest import browser_of
from tests.factories import make_archive, make_container, make_node, make_operation
from tests.web.text import text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("archives_folder")]
HTMX = {"HX-Request": "true"}


@pytest.fixture
def found(counter: Container) -> int:
    """Let there be one of everything about counter; return the operation's number."""
    make_archive(counter.node)
    return make_operation(counter.node, Node.objects.get(name="birch")).pk


def groups(client: Client, text: str) -> dict[str, list[str]]:
    context = client.get("/search/", {"q": text}).context
    return {group.label: [hit.title for hit in group.hits] for group in context["groups"]}


def test_everything_that_fits_is_found_by_its_kind(vera: User, found: int) -> None:
    client = browser_of(vera)
    assert groups(client, "counter") == {
        "Containers": ["counter"],
        "Archives": ["counter-20261124-021900"],
        "Operations": [f"{found} Migrate counter"],
    }
    assert groups(client, "BIRCH")["Nodes"] == ["birch"]
    assert groups(client, "nothing-like-it") == {}
    assert groups(client, "") == {}


@pytest.mark.parametrize("text", ["{pk}", "#{pk}"])
def test_an_operation_is_found_by_its_number(oscars_browser: Client, found: int, text: str) -> None:
    title = f"{found} Migrate counter"
    assert title in groups(oscars_browser, text.format(pk=found))["Operations"]


def test_under_the_field_there_are_a_few_options_and_a_way_to_all(
    oscars_browser: Client, found: int
) -> None:
    node = make_node("cedar")
    for number in range(FEW + 3):
        make_container(node, f"web{number}", podman_id=f"{number:064x}")
    html = oscars_browser.get("/search/", {"q": "web"}, headers=HTMX).content.decode()
    assert "<html" not in html
    assert html.count('role="option"') == FEW + 1
    assert 'href="/search/?q=web"' in html
    page = text_of(oscars_browser.get("/search/", {"q": "web"}))
    assert page.count('class="hit"') == FEW + 3


def test_the_listbox_looks_at_the_last_operations_and_the_page_at_all(
    oscars_browser: Client, found: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nodes.views.search.LATE_OPERATIONS", 2)
    birch = Node.objects.get(name="birch")
    for _ in range(2):
        make_operation(birch, birch, container_name="another", state=OperationState.SUCCEEDED)

    def operations(text: str, **headers: str) -> bool:
        context = oscars_browser.get("/search/", {"q": text}, headers=headers).context
        return any(group.label == "Operations" for group in context["groups"])

    assert operations("counter")
    assert not operations("counter", **HTMX)
    assert operations("another", **HTMX)
    assert operations(f"#{found}", **HTMX)


def test_a_word_that_is_nowhere_is_said_to_be_so(oscars_browser: Client, found: int) -> None:
    assert "Nothing found" in text_of(oscars_browser.get("/search/", {"q": "zzz"}))
    assert "Nothing found for “zzz”" in text_of(
        oscars_browser.get("/search/", {"q": "zzz"}, headers=HTMX)
    )


@pytest.mark.parametrize("headers", [{}, HTMX])
@pytest.mark.parametrize("text", ["<script>", "\0", "%", "'--", "x" * 5000, "9" * 30, '"=\\'])
def test_hostile_words_break_nothing(
    oscars_browser: Client, found: int, text: str, headers: dict[str, str]
) -> None:
    response = oscars_browser.get("/search/", {"q": text}, headers=headers)
    assert response.status_code == 200
    assert b"<script>" not in response.content


def test_what_containers_are_called_is_no_markup(
    oscars_browser: Client, counter: Container
) -> None:
    Container.objects.update(image="counter<script>alert(1)</script>")
    for headers in ({}, HTMX):
        response = oscars_browser.get("/search/", {"q": "counter"}, headers=headers)
        assert b"<script>alert" not in response.content


def test_a_search_takes_the_same_few_queries_whatever_it_finds(
    oscars_browser: Client, found: int, django_assert_max_num_queries: Any
) -> None:
    node = make_node("cedar")
    for number in range(20):
        make_container(node, f"counter{number}", podman_id=f"{number:064x}")
    with django_assert_max_num_queries(18):
        oscars_browser.get("/search/", {"q": "counter"})


def test_the_field_is_on_every_page(oscars_browser: Client, found: int) -> None:
    for path in ("/", "/operations/", "/search/?q=counter"):
        assert re.search(r'<input[^>]+role="combobox"', oscars_browser.get(path).content.decode())
