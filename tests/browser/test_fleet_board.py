"""A person carries a container from one card of the board to another: mouse, keyboard, finger."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.box import box_of
from tests.browser.chromium import new_context
from tests.browser.signed_in import SignedInSite
from tests.factories import HOST_KEY
from tests.integration.site import assert_same_program, running
from tests.lab import Host, full_check, read_counter

pytestmark = [pytest.mark.browser, pytest.mark.lab]
ENDED_MS = 120_000
# With another container on the destination, its address may be taken there.
POSSIBLE = re.compile(r"^\s*(Ready|Possible, with warnings)$")
UNREACHABLE = {"name": "cedar", "host": "127.0.0.1", "port": 1, "host_key": HOST_KEY}
# After the page has dealt with the message, whatever it did with what is in it.
_NOTE_NAPPER = """
    document.addEventListener("htmx:wsAfterMessage", (event) => {
      const { message } = event.detail;
      if (message.includes("napper")) document.documentElement.dataset.toldOfNapper = "";
    });
"""
# As high as both cards.
PHONE: Any = {"viewport": {"width": 390, "height": 1400}, "has_touch": True, "is_mobile": True}


def chip_on(page: Page, node: str, name: str = "counter") -> Locator:
    listed = page.get_by_role("list", name=f"Containers on {node}")
    return listed.get_by_role("link", name=re.compile(f"^{name}"))


def card_of(page: Page, node: str) -> Locator:
    heading = page.get_by_role("heading", name=node, exact=True)
    return page.get_by_role("listitem").filter(has=heading)


def settle(page: Page, *nodes: str) -> None:
    """Wait until no card moves or grows any more: nodes are found ready, and the guide goes."""
    for node in nodes:
        readiness = card_of(page, node).get_by_role("link", name=re.compile("^Ready"))
        expect(readiness).to_be_visible()
    expect(page.locator(".guide")).to_have_count(0)


def verdict_on(page: Page, node: str) -> Locator:
    """Find what the nodes answered, which is laid over the card while a container is held."""
    return card_of(page, node).locator(".landing[data-final] [data-landing-title]")


def centre(locator: Locator) -> tuple[float, float]:
    box = box_of(locator)
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def drag(page: Page, chip: Locator, card: Locator) -> None:
    """Hold the chip over the card, and keep holding it."""
    page.mouse.move(*centre(chip))
    page.mouse.down()
    page.mouse.move(*centre(card), steps=5)


def start_in_dialog(page: Page, destination: str) -> None:
    """Press Enter in the dialog that has the destination chosen already."""
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("radio", name=re.compile(f"^{destination}"))).to_be_checked()
    expect(dialog.get_by_text(re.compile(r"\d+ checks passed"))).to_be_visible()
    expect(dialog.get_by_role("radio", name=re.compile(f"^{destination}"))).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url("**/operations/*/", wait_until="load")
    expect(page.get_by_text(re.compile("counter moved from alder to birch"))).to_be_visible(
        timeout=ENDED_MS
    )


def add_unreachable(site: SignedInSite) -> None:
    with site.served.api() as api:
        api.post("/nodes", json=UNREACHABLE).raise_for_status()


@pytest.fixture
def phone(chromium: Browser, page: Page, site: SignedInSite) -> Iterator[Page]:
    """Be signed in on a phone, too."""
    signed_in: Any = page.context.storage_state()
    context = new_context(chromium, base_url=site.served.url, storage_state=signed_in, **PHONE)
    yield context.new_page()
    context.close()


def test_a_container_is_dragged_to_another_node_whose_verdict_is_seen_before(
    site: SignedInSite, page: Page, alder: Host, birch: Host, counter: str
) -> None:
    before = read_counter(alder)
    add_unreachable(site)
    page.goto("/")
    page.wait_for_load_state()
    expect(card_of(page, "cedar").get_by_text("Unreachable")).to_be_visible()
    settle(page, "alder", "birch")

    drag(page, chip_on(page, "alder"), card_of(page, "cedar"))
    expect(card_of(page, "cedar").get_by_text("Not possible")).to_be_visible()
    expect(verdict_on(page, "birch")).to_have_text("Ready")
    expect(card_of(page, "birch").get_by_text(re.compile(r"\d+ checks passed"))).to_be_visible()
    page.mouse.up()
    expect(page.get_by_role("alert")).to_contain_text(
        "counter stays on alder: cedar cannot take it."
    )
    assert running(alder) == ["counter"]

    # What changes meanwhile waits until the container is let go.
    page.evaluate(_NOTE_NAPPER)
    drag(page, chip_on(page, "alder"), card_of(page, "birch"))
    birch.start_workload("sleep", name="napper")
    expect(page.locator("html")).to_have_attribute("data-told-of-napper", "")
    expect(chip_on(page, "birch", "napper")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(chip_on(page, "birch", "napper")).to_be_visible()
    page.mouse.up()
    expect(page.get_by_role("status").filter(has_text="counter stays on alder.")).to_be_attached()

    drag(page, chip_on(page, "alder"), card_of(page, "birch"))
    expect(verdict_on(page, "birch")).to_have_text(POSSIBLE)
    page.mouse.up()
    start_in_dialog(page, "birch")
    assert (running(alder), sorted(running(birch))) == ([], ["counter", "napper"])
    assert_same_program(before, full_check(birch))


def test_a_container_is_carried_by_keyboard_alone(
    site: SignedInSite, page: Page, alder: Host, birch: Host, counter: str
) -> None:
    add_unreachable(site)
    page.goto("/")
    page.wait_for_load_state()
    expect(card_of(page, "cedar").get_by_text("Unreachable")).to_be_visible()
    settle(page, "alder", "birch")
    said = page.locator("[data-announcer]")
    chip = chip_on(page, "alder")
    chip.focus()
    page.keyboard.press("m")
    carrier = page.get_by_role("application", name="Choose a destination")
    expect(carrier).to_be_focused()
    expect(said).to_have_text("counter picked up from alder.")
    expect(verdict_on(page, "birch")).to_have_text("Ready")
    page.keyboard.press("ArrowRight")
    expect(said).to_have_text(re.compile(r"birch: Ready\. \d+ checks passed\."))
    # cedar cannot take it, so that there is no other.
    page.keyboard.press("ArrowRight")
    expect(said).to_have_text(re.compile("birch: Ready"))
    page.keyboard.press("Escape")
    expect(carrier).to_be_hidden()
    expect(chip).to_be_focused()
    expect(said).to_have_text("counter stays on alder.")

    page.keyboard.press("m")
    expect(carrier).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(said).to_have_text(re.compile("birch: Ready"))
    page.keyboard.press("Enter")
    start_in_dialog(page, "birch")
    assert (running(alder), running(birch)) == ([], ["counter"])


def test_a_container_is_carried_by_a_finger_that_holds_it_first(
    phone: Page, alder: Host, birch: Host, counter: str
) -> None:
    phone.goto("/")
    phone.wait_for_load_state()
    chip, card = chip_on(phone, "alder"), card_of(phone, "birch")
    expect(chip).to_be_visible()
    settle(phone, "alder", "birch")
    (x, y), (to_x, to_y) = centre(chip), centre(card)
    finger = phone.context.new_cdp_session(phone)

    def touch(kind: str, *points: dict[str, float]) -> None:
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": list(points)})

    touch("touchStart", {"x": x, "y": y})
    carrier = phone.get_by_role("application", name="Choose a destination")
    expect(carrier).to_be_visible()
    for step in range(1, 6):
        touch("touchMove", {"x": x + (to_x - x) * step / 5, "y": y + (to_y - y) * step / 5})
    expect(verdict_on(phone, "birch")).to_have_text("Ready")
    assert phone.evaluate("document.documentElement.scrollWidth") == 390
    touch("touchEnd")
    start_in_dialog(phone, "birch")
    assert (running(alder), running(birch)) == ([], ["counter"])


def test_filters_live_in_the_address_and_the_way_back_undoes_them(
    site: SignedInSite, page: Page, alder: Host, birch: Host, counter: str
) -> None:
    page.goto("/")
    page.wait_for_load_state()
    expect(chip_on(page, "alder")).to_be_visible()
    page.get_by_role("searchbox", name="Node, container, image or label").press_sequentially(
        "count"
    )
    expect(
        page.get_by_role("main").get_by_text("Showing 1 of 2 nodes and 1 of 1 container")
    ).to_be_visible()
    expect(page).to_have_url(re.compile(r"/\?q=count$"))
    expect(card_of(page, "birch")).to_have_count(0)

    # What comes over the websocket is filtered alike.
    birch.start_workload("sleep", name="counted")
    expect(chip_on(page, "birch", "counted")).to_be_visible()
    birch.start_workload("sleep", name="napper")
    page.get_by_role("link", name="Table").click()
    expect(page).to_have_url(re.compile(r"/\?q=count&view=table$"))
    expect(page.get_by_role("row", name=re.compile("birch.*1 of 2"))).to_be_visible()
    by_node = page.get_by_role("columnheader", name=re.compile("^Node"))
    by_node.get_by_role("link").click()
    expect(by_node).to_have_attribute("aria-sort", "descending")

    page.go_back()
    expect(by_node).to_have_attribute("aria-sort", "ascending")
    expect(page).to_have_url(re.compile(r"/\?q=count&view=table$"))
    page.wait_for_load_state()
    page.go_back()
    expect(chip_on(page, "birch", "counted")).to_be_visible()
    expect(page).to_have_url(re.compile(r"/\?q=count$"))
    page.wait_for_load_state()

    # A node that the filters hide takes a container all the same.
    birch.run(["podman", "rm", "--force", "--time", "0", "counted"])
    expect(card_of(page, "birch")).to_have_count(0)
    settle(page, "alder")
    page.mouse.move(*centre(chip_on(page, "alder")))
    page.mouse.down()
    x, y = centre(chip_on(page, "alder"))
    page.mouse.move(x + 20, y + 20, steps=3)
    hidden = page.get_by_role("region", name="Nodes that the filters hide")
    expect(hidden.locator("[data-landing-title]")).to_have_text(POSSIBLE)
    page.keyboard.press("Escape")
    page.mouse.up()
    expect(hidden).to_be_hidden()

    page.get_by_role("link", name="Clear filters").click()
    expect(chip_on(page, "birch", "napper")).to_be_visible()
    expect(page.get_by_role("searchbox", name="Node, container, image or label")).to_have_value("")


def test_anything_is_found_with_a_slash_the_arrows_and_enter(
    site: SignedInSite, page: Page, alder: Host, birch: Host, counter: str
) -> None:
    page.goto("/operations/")
    page.wait_for_load_state()
    field = page.get_by_role("combobox", name="Search everything")
    page.keyboard.press("/")
    expect(field).to_be_focused()
    page.keyboard.press("Escape")
    expect(field).not_to_be_focused()

    page.keyboard.press("/")
    page.keyboard.type("zzz")
    results = page.get_by_role("listbox", name="Results")
    expect(results.get_by_text("Nothing found for “zzz”")).to_be_visible()
    field.fill("alder")
    expect(results.get_by_role("group", name="Nodes").get_by_role("option")).to_have_count(1)
    expect(results.get_by_role("group", name="Containers").get_by_role("option")).to_have_count(1)
    page.keyboard.press("ArrowDown")
    expect(results.get_by_role("option", name=re.compile("^alder"))).to_have_attribute(
        "aria-selected", "true"
    )
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="counter")).to_be_visible()

    page.wait_for_load_state()
    page.keyboard.press("/")
    page.keyboard.type("birch")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/search/\?q=birch"))
    expect(
        page.get_by_role("region", name="Nodes").get_by_role("link", name="birch")
    ).to_be_visible()
