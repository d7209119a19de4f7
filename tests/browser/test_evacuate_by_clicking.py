"""A person empties a node by clicking, follows it, brings it all back; and moves a selection."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.signed_in import SignedInSite
from tests.integration.site import assert_same_program, running
from tests.lab import Host, full_check, read_counter

pytestmark = [pytest.mark.browser, pytest.mark.lab]
ENDED_MS = 120_000


@pytest.fixture
def crowd(alder: Host, counter: str) -> list[str]:
    """Let alder run two containers beside the counter, and have one that does not run."""
    alder.start_workload("tree", name="napper")
    alder.start_workload("web", name="web", port=8080)
    alder.start_workload("sleep", name="off")
    alder.run(["podman", "stop", "--time", "0", "off"])
    return ["counter", "napper", "web"]


def test_a_node_is_emptied_and_filled_again_by_clicking(
    site: SignedInSite, page: Page, alder: Host, birch: Host, crowd: list[str]
) -> None:
    before = read_counter(alder)
    page.goto(f"/nodes/{site.node_ids['alder']}/")
    page.get_by_role("link", name="Evacuate").click()
    expect(page.get_by_role("heading", name="Evacuate alder")).to_be_visible()
    start = page.get_by_role("button", name="Evacuate: move 3 of 4")
    expect(start).to_be_enabled()
    expect(page.get_by_text("It is exited, not running")).to_be_visible()

    page.get_by_label("Destination of napper").select_option("Leave it where it is")
    start = page.get_by_role("button", name="Evacuate: move 2 of 4")
    expect(start).to_be_enabled()
    start.click()

    page.wait_for_url("**/batches/*/", wait_until="load")
    page.evaluate("window.loadedOnce = true")
    expect(page.get_by_role("heading", name="2 of 2 moved")).to_be_visible(timeout=ENDED_MS)
    expect(page.get_by_text("Somebody chose to leave it where it is.")).to_be_visible()
    back = page.get_by_role("link", name="Bring back")
    expect(back).to_be_visible(timeout=ENDED_MS)
    # Nothing was loaded again: what changed came over the websocket.
    assert page.evaluate("window.loadedOnce") is True
    assert (running(alder), sorted(running(birch))) == (["napper"], ["counter", "web"])
    assert_same_program(before, full_check(birch))

    back.click()
    start = page.get_by_role("button", name="Bring back: move 2 of 2")
    expect(start).to_be_enabled()
    start.click()
    expect(page.get_by_role("heading", name="Bring back to alder")).to_be_visible()
    expect(page.get_by_role("heading", name="2 of 2 moved")).to_be_visible(timeout=ENDED_MS)
    assert (sorted(running(alder)), running(birch)) == (crowd, [])
    assert_same_program(before, full_check(alder))


def test_a_selection_moves_and_one_that_waits_is_left_by_clicking(
    site: SignedInSite, page: Page, alder: Host, birch: Host, crowd: list[str]
) -> None:
    page.goto("/containers/")
    page.wait_for_load_state()
    for name in ("counter", "web"):
        page.get_by_label(f"Select {name} on alder").check()
    page.get_by_role("button", name="Migrate 2 selected").click()
    expect(page.get_by_role("heading", name="Migrate several containers")).to_be_visible()
    page.get_by_label("At once").fill("1")
    start = page.get_by_role("button", name="Migrate: move 2 of 2")
    expect(start).to_be_enabled()
    # So web waits until somebody has clicked, however long that takes.
    alder.shape("10mbit")
    try:
        start.click()
        page.wait_for_url("**/batches/*/", wait_until="load")
        page.get_by_role("button", name="Leave web where it is").click()
        expect(page.get_by_role("heading", name="0 of 1 moved")).to_be_visible()
    finally:
        alder.unshape()
    expect(page.get_by_role("heading", name="1 of 1 moved")).to_be_visible(timeout=ENDED_MS)
    assert (sorted(running(alder)), running(birch)) == (["napper", "web"], ["counter"])

    page.goto("/operations/")
    listed = page.get_by_role("region", name="Batches")
    expect(listed.get_by_text(re.compile("1 of 1 moved"))).to_be_visible()


def test_what_stands_in_the_way_is_said_and_nothing_is_moved(
    site: SignedInSite, page: Page, alder: Host, birch: Host, counter: str
) -> None:
    birch.run(["podman", "volume", "create", "counter-data"])
    page.goto(f"/nodes/{site.node_ids['alder']}/evacuate/")
    expect(
        page.get_by_text("No node can take it. birch: A volume with the same name is on")
    ).to_be_visible()
    expect(page.get_by_role("button", name="Evacuate: move 0 of 1")).to_be_disabled()
    page.get_by_text("Options", exact=True).click()
    page.get_by_label(re.compile("--ignore-volumes")).check()
    expect(page.get_by_role("button", name="Evacuate: move 1 of 1")).to_be_enabled()
    assert running(alder) == ["counter"]
