"""A person looks into an archive: its parts, its memory, and what differs from another one."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.box import box_of
from tests.serving import ServedSite
from tests.unit.archives import Checkpoint
from tests.unit.criu_images import Program

pytestmark = pytest.mark.browser
PROGRAMS = (
    Program(memory=b"-- token=swordfish --" + bytes(8192)),
    Program(pid=7, ppid=1, name="helper", arguments=("helper", "--quiet")),
)


def upload(served: ServedSite, **values: object) -> int:
    content = Checkpoint(**{"programs": PROGRAMS, **values}).pack()  # type: ignore[arg-type]
    with served.api() as api:
        answer = api.post("/archives", files={"file": ("counter.tar.zst", content)})
        return int(answer.raise_for_status().json()["id"])


@pytest.fixture
def archive(served: ServedSite) -> int:
    return upload(served, written={"srv/app/state": b"x" * 3000, "srv/new": b"y"})


def test_each_part_opens_in_place_and_has_its_own_address(
    served: ServedSite, page: Page, archive: int
) -> None:
    page.goto(f"/archives/{archive}/")
    parts = page.get_by_role("navigation", name="What the archive holds")
    parts.get_by_role("link", name="Processes").click()
    expect(page.get_by_role("heading", name="Processes")).to_be_visible()
    expect(page).to_have_url(re.compile(f"/archives/{archive}/contents/processes/$"))
    page.evaluate("window.stayed = true")
    parts.get_by_role("link", name="Root filesystem").click()
    expect(page.locator(".tree")).to_contain_text("app")
    expect(parts.get_by_role("link", name="Root filesystem")).to_have_attribute(
        "aria-current", "page"
    )
    expect(page).to_have_title(re.compile("^Root filesystem of"))
    assert page.evaluate("window.stayed")
    page.go_back()
    expect(page.get_by_role("heading", name="Processes")).to_be_visible()
    expect(page).to_have_url(re.compile(f"/archives/{archive}/contents/processes/$"))


def test_values_of_an_environment_show_when_asked_for(page: Page, archive: int) -> None:
    page.goto(f"/archives/{archive}/contents/processes/")
    expect(page.get_by_text("hunter2")).to_have_count(0)
    page.get_by_text("counter 64").click()
    expect(page.get_by_text("SECRET").first).to_be_visible()
    page.get_by_role("button", name="Show values of the environment of process 1").click()
    expect(page.get_by_text("hunter2")).to_be_visible()
    page.goto("/audit/")
    expect(page.get_by_text("archive.environment")).to_be_visible()


def test_a_list_is_searched_while_somebody_types(page: Page, archive: int) -> None:
    page.goto(f"/archives/{archive}/contents/files/")
    expect(page.get_by_text("/dev/null").first).to_be_visible()
    page.get_by_role("searchbox", name="Path or kind").press_sequentially("pipe")
    expect(page.get_by_text("/dev/null")).to_have_count(0)
    expect(page).to_have_url(re.compile(r"\?q=pipe"))


def test_a_document_opens_and_closes_as_a_whole(page: Page, archive: int) -> None:
    page.goto(f"/archives/{archive}/contents/spec/")
    page.get_by_role("button", name="Close all").click()
    expect(page.get_by_text("cwd")).to_be_hidden()
    page.get_by_role("button", name="Open all").click()
    expect(page.get_by_text("cwd")).to_be_visible()


def test_memory_is_searched_and_the_hit_is_marked(page: Page, archive: int) -> None:
    page.goto(f"/archives/{archive}/contents/memory/")
    page.get_by_role("link", name="Search memory").click()
    page.get_by_label("Look for").fill("swordfish")
    page.get_by_role("button", name="Search memory").click()
    hit = page.get_by_role("article", name="Hit 1")
    expect(hit.locator("mark").first).to_have_text("swordfish")
    expect(page.get_by_text("1 hit", exact=True)).to_be_visible()
    form, found = page.get_by_label("Look for"), page.get_by_role("region", name="What was found")
    assert box_of(found)["x"] < box_of(form)["x"]
    assert box_of(found)["y"] < 500
    hit.get_by_text("Bytes").click()
    expect(hit.get_by_label("Bytes of hit 1")).to_contain_text("73 77 6f 72 64")
    page.goto("/audit/")
    expect(page.get_by_text("archive.search-memory")).to_be_visible()
    expect(page.get_by_text("swordfish")).to_have_count(0)


def test_two_archives_are_compared(served: ServedSite, page: Page, archive: int) -> None:
    other = upload(served, written={"srv/later": b"z"})
    page.goto(f"/archives/{archive}/")
    page.get_by_role("link", name="Compare").click()
    page.get_by_role("main").get_by_role("link", name=re.compile("counter")).last.click()
    expect(page).to_have_url(re.compile(f"other={other}$"))
    added = page.locator("#rootfs .difference[data-change=added]")
    expect(added).to_contain_text("/srv/later")
    page.get_by_role("link", name="Swap sides").click()
    removed = page.locator("#rootfs .difference[data-change=removed]")
    expect(removed).to_contain_text("/srv/later")


def test_the_parts_can_be_reached_on_a_phone(page: Page, archive: int) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    for part in ("overview", "processes", "memory", "files", "rootfs", "spec", "log"):
        page.goto(f"/archives/{archive}/contents/{part}/")
        current = page.locator("[data-tabs] [aria-current]")
        expect(current).to_be_in_viewport()
        wider = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        assert not page.evaluate(wider), part
