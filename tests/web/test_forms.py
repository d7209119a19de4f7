"""Forms keep what was typed and say what is wrong where it is wrong."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from nodes.models import Container, Node
from tests.factories import make_archive, make_node, make_schedule
from tests.web.text import text_of

pytestmark = pytest.mark.django_db
AS_A_PAGE = {"HX-Request": "true", "HX-Boosted": "true"}


def posted(browser: Client, address: str, **values: str) -> str:
    answer = browser.post(address, values)
    assert answer.status_code == 422
    return text_of(answer)


def assert_invalid(page: str, name: str) -> None:
    """Assert that the field is marked, and that what describes it is there once."""
    field = next(tag for tag in re.findall(r"<(?:input|select|textarea)[^>]*>", page)
                 if f'name="{name}"' in tag and "hidden" not in tag)  # fmt: skip
    assert 'aria-invalid="true"' in field
    described = re.search(r'aria-describedby="([^"]*)"', field)
    assert described is not None
    for described_by in described.group(1).split():
        assert page.count(f'id="{described_by}"') == 1
    assert any(each.endswith("_error") for each in described.group(1).split())


def test_a_node_keeps_what_was_typed_and_shows_each_error_at_its_field(
    adas_browser: Client,
) -> None:
    page = posted(adas_browser, reverse("node-add"), name="my node!", host="h", port="99999")
    assert 'value="my node!"' in page
    for name in ("name", "port", "user"):
        assert_invalid(page, name)


def test_a_node_that_does_not_answer_keeps_the_form(adas_browser: Client) -> None:
    values = {"name": "alder", "host": "127.0.0.1", "port": "1", "user": "root"}
    page = posted(adas_browser, reverse("node-add"), **values)
    assert 'role="alert" tabindex="-1"' in page
    assert 'value="alder"' in page


def test_a_schedule_shows_each_error_at_its_field(oscars_browser: Client) -> None:
    page = posted(oscars_browser, reverse("schedule-add"), name="", cron="61 * *", names="web*")
    assert 'value="web*"' in page or "web*</textarea>" in page
    for name in ("name", "cron"):
        assert_invalid(page, name)


def test_an_archives_name_shows_its_error_at_its_field(
    oscars_browser: Client, archives_folder: object
) -> None:
    archive = make_archive()
    address = reverse("archive-edit", args=[archive.pk])
    page = posted(oscars_browser, address, name="", note="a note that was typed")
    assert "a note that was typed" in page
    assert_invalid(page, "name")


def test_a_restore_shows_the_error_at_the_name(
    oscars_browser: Client, archives_folder: object
) -> None:
    node = make_node("birch")
    address = reverse("archive-restore", args=[make_archive(node).pk])
    page = posted(oscars_browser, address, node=str(node.pk), identity="clone", name="no/name")
    assert_invalid(page, "name")


def test_a_form_that_is_sent_in_the_background_leads_the_browser_to_the_next_page(
    oscars_browser: Client,
) -> None:
    switch = reverse("schedule-switch", args=[make_schedule().pk])
    answer = oscars_browser.post(switch, {"from": "list"}, headers=AS_A_PAGE)
    assert (answer.status_code, answer["HX-Redirect"]) == (204, reverse("schedule-list"))
    # What the redirect was to tell is told by the page that follows.
    assert "nightly is disabled" in text_of(oscars_browser.get(reverse("schedule-list")))


def test_without_scripts_it_is_the_redirect_itself(oscars_browser: Client) -> None:
    switch = reverse("schedule-switch", args=[make_schedule().pk])
    assert oscars_browser.post(switch, {"from": "list"}).status_code == 302


@pytest.mark.parametrize("headers", [AS_A_PAGE, {"HX-Request": "true"}])
def test_whoever_is_signed_out_is_told_so_and_not_sent_away(
    counter: Container, headers: dict[str, str]
) -> None:
    stranger = Client()
    edit = reverse("node-edit", args=[Node.objects.get(name="birch").pk])
    assert stranger.post(edit, {"name": "x"}, headers=headers).status_code == 401
    assert stranger.get(edit, headers=headers).status_code == 401
    assert stranger.get(edit)["Location"].startswith(reverse("login"))


def test_deleting_a_token_says_what_stops(oscars_browser: Client, oscar: object) -> None:
    oscars_browser.post(reverse("account"), {"name": "ci"})
    page = text_of(oscars_browser.get(reverse("account")))
    address = re.search(r'href="(/account/tokens/\d+/delete/)"', page)
    assert address is not None
    assert "is refused from then on" in text_of(oscars_browser.get(address.group(1)))
    assert "ci" in text_of(oscars_browser.get(reverse("account")))
    oscars_browser.post(address.group(1))
    assert address.group(1) not in text_of(oscars_browser.get(reverse("account")))


def test_undoing_a_tag_of_several_leaves_those_alone_that_had_it(
    oscars_browser: Client, archives_folder: object
) -> None:
    had, gets = make_archive(name="had"), make_archive(name="gets")
    change = reverse("archives-change")
    first = {"action": "tag", "tag_name": "keep", "archive": had.pk}
    oscars_browser.post(change, first, follow=True)
    both = {"action": "tag", "tag_name": "keep", "archive": [had.pk, gets.pk]}
    page = text_of(oscars_browser.post(change, both, follow=True))
    undo = page.split(f'<form method="post" action="{change}"')[1].split("</form>")[0]
    assert '<input type="hidden" name="action" value="untag">' in undo
    assert f'name="archive" value="{gets.pk}"' in undo
    assert f'name="archive" value="{had.pk}"' not in undo
