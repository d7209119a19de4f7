"""Compare two archives: choose the other one, see what differs."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from nodes.models import Archive
from nodes.views.compare import MOST_CANDIDATES, MOST_SHOWN
from tests.factories import make_archive
from tests.web.contents_rows import SECTIONS, give_contents
from tests.web.text import text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("archives_folder")]
MARKUP = "<script>alert(1)</script>"


def address(archive: Archive) -> str:
    return reverse("archive-compare", args=[archive.pk])


def written(path: str, **changes: Any) -> dict[str, Any]:
    entry = {"path": path, "change": "written", "type": "file", "mode": 0o644, "size_bytes": 1}
    return {**entry, "target": "", **changes}


def rootfs(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"entries": list(entries), "bytes": 1, "left_out": 0}


@pytest.fixture
def pair(db: None) -> tuple[Archive, Archive]:
    left = give_contents(make_archive(name="before"), rootfs=rootfs(written("/gone")))
    right = give_contents(
        make_archive(name="after"),
        rootfs=rootfs(written("/come")),
        config={**SECTIONS["config"], "logDriver": "journald"},
    )
    return left, right


def compared(browser: Client, left: Archive, right: Archive, **params: str) -> str:
    response = browser.get(address(left), {"other": right.pk, **params})
    assert response.status_code == 200
    return text_of(response)


def test_what_differs_is_shown_with_its_sign(
    oscars_browser: Client, pair: tuple[Archive, Archive]
) -> None:
    html = compared(oscars_browser, *pair)
    for change, what in (("added", "/come"), ("removed", "/gone"), ("changed", "logDriver")):
        row = html.partition(f'<li class="difference" data-change="{change}">')[2]
        assert what in row.partition("</li>")[0]
    assert "k8s-file" in html
    assert "journald" in html


def test_what_is_the_same_is_only_counted(
    oscars_browser: Client, pair: tuple[Archive, Archive]
) -> None:
    html = compared(oscars_browser, *pair)
    assert "webby-data" not in html
    assert "1 the same" in html


def test_equal_archives_are_said_to_be_equal(oscars_browser: Client) -> None:
    left, right = (give_contents(make_archive(name=name)) for name in ("one", "two"))
    assert "They hold the same" in compared(oscars_browser, left, right)


def test_swapping_the_sides_turns_added_into_removed(
    oscars_browser: Client, pair: tuple[Archive, Archive]
) -> None:
    html = compared(oscars_browser, *reversed(pair))
    row = html.partition('<li class="difference" data-change="removed">')[2]
    assert "/come" in row.partition("</li>")[0]


def test_a_long_section_is_whole_when_it_is_chosen(oscars_browser: Client) -> None:
    many = [written(f"/many/{number}") for number in range(MOST_SHOWN + 50)]
    left = give_contents(make_archive(), rootfs=rootfs())
    right = give_contents(make_archive(), rootfs=rootfs(*many))
    html = compared(oscars_browser, left, right)
    assert html.count('<li class="difference"') == MOST_SHOWN
    assert "Show all 250" in html
    whole = compared(oscars_browser, left, right, section="rootfs")
    assert whole.count('<li class="difference"') == MOST_SHOWN + 50


def test_archives_of_the_same_container_are_offered_first(oscars_browser: Client) -> None:
    archive = make_archive(name="mine")
    make_archive(name="sibling")
    make_archive(name="stranger", container_name="web", container_podman_id="f" * 64)
    html = text_of(oscars_browser.get(address(archive)))
    assert html.index("sibling") < html.index("stranger")
    assert "?other=" + str(archive.pk) not in html


def test_the_other_archive_can_be_searched_by_name(oscars_browser: Client) -> None:
    archive = make_archive(name="mine")
    for number in range(MOST_CANDIDATES + 5):
        make_archive(name=f"other-{number}")
    make_archive(name="wanted", container_podman_id="f" * 64, container_name="web")
    assert "wanted" not in text_of(oscars_browser.get(address(archive)))
    assert "wanted" in text_of(oscars_browser.get(address(archive), {"q": "WANT"}))


def test_two_that_were_selected_are_compared(
    oscars_browser: Client, pair: tuple[Archive, Archive]
) -> None:
    left, right = pair
    selected = {"left": left.pk, "right": right.pk}
    response = oscars_browser.get(reverse("archives-compare"), selected, follow=True)
    assert "journald" in text_of(response)


def test_two_that_were_chosen_in_the_list_are_compared(
    oscars_browser: Client, pair: tuple[Archive, Archive]
) -> None:
    chosen = {"archive": [archive.pk for archive in pair]}
    response = oscars_browser.post(reverse("archives-compare"), chosen, follow=True)
    assert "journald" in text_of(response)


@pytest.mark.parametrize("count", [0, 3])
def test_no_more_and_no_fewer_than_two_are_compared(oscars_browser: Client, count: int) -> None:
    chosen = {"archive": [make_archive(name=f"one-{number}").pk for number in range(count)]}
    response = oscars_browser.post(reverse("archives-compare"), chosen, follow=True)
    assert "Choose two archives to compare them." in text_of(response)


@pytest.mark.parametrize("other", ["999", "x", "-1", "9" * 40, "²", ""])
def test_an_archive_that_is_not_there_is_asked_for_again(
    oscars_browser: Client, other: str
) -> None:
    response = oscars_browser.get(address(make_archive()), {"other": other})
    assert "Compare with…" in text_of(response)


def test_an_unread_archive_is_named_with_the_way_to_have_it_read(oscars_browser: Client) -> None:
    unread = make_archive(name="old")
    html = compared(oscars_browser, unread, give_contents(make_archive()))
    assert "What old holds has not been read." in html
    assert reverse("archive-contents", args=[unread.pk, "overview"]) in html


def test_what_archives_say_is_shown_as_it_is(oscars_browser: Client) -> None:
    left = give_contents(make_archive(container_name=MARKUP), config={MARKUP: MARKUP})
    right = give_contents(make_archive(image=MARKUP), rootfs=rootfs(written(f"/{MARKUP}")))
    html = oscars_browser.get(address(left), {"other": right.pk}).content.decode()
    assert "alert(1)" in html
    assert "<script>alert" not in html


def test_programs_get_the_differences(
    oscars_program: Client, pair: tuple[Archive, Archive]
) -> None:
    left, right = pair
    answer = oscars_program.get(f"/api/v1/archives/{left.pk}/compare/{right.pk}").json()
    sections = {section["name"]: section for section in answer["sections"]}
    found = sections["config"]["differences"]
    assert found == [
        {
            "change": "changed", "what": "logDriver", "left": "k8s-file", "right": "journald",
            "unit": "",
        }
    ]  # fmt: skip
    assert sections["volumes"]["differences"] == []
    assert sections["volumes"]["unchanged"] == 1


def test_programs_are_told_which_archive_is_unread(oscars_program: Client) -> None:
    unread, read = make_archive(), give_contents(make_archive())
    response = oscars_program.get(f"/api/v1/archives/{read.pk}/compare/{unread.pk}")
    assert (response.status_code, response.json()["code"]) == (409, "contents_unread")
    assert f"/archives/{unread.pk}/contents" in response.json()["remedy"]
