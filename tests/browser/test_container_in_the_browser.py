"""A person does on a container's page what they would else type on its host."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.box import box_of
from tests.browser.signed_in import SignedInSite
from tests.integration.site import running
from tests.lab import Host

pytestmark = [pytest.mark.browser, pytest.mark.lab]
ASKED_MS = 30_000


def open_container(site: SignedInSite, page: Page, name: str) -> None:
    page.goto(f"/containers/?q={name}")
    page.wait_for_load_state()
    page.get_by_role("link", name=name, exact=True).click()
    page.get_by_role("heading", name=name, exact=True, level=1).wait_for()
    page.wait_for_load_state()


def choose(page: Page, action: str) -> Locator:
    page.get_by_label("More to do with").click()
    page.locator("#container-menu").get_by_role("link", name=action).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    return dialog


def expect_told(page: Page, words: str) -> None:
    expect(page.locator(".flash").get_by_text(words)).to_be_visible()
    page.wait_for_load_state()


def test_a_container_is_renamed_paused_stopped_started_and_removed(
    site: SignedInSite, page: Page, alder: Host, counter: str
) -> None:
    open_container(site, page, "counter")
    dialog = choose(page, "Rename")
    name = dialog.get_by_label("New name")
    name.fill("two words")
    dialog.get_by_role("button", name="Rename").click()
    expect(dialog.get_by_text("Use letters, digits")).to_be_visible()
    expect(name).to_have_value("two words")
    name.fill("tally")
    dialog.get_by_role("button", name="Rename").click()
    expect_told(page, "counter is now called tally.")
    expect(page.get_by_role("heading", name="tally", exact=True)).to_be_visible()

    choose(page, "Pause").get_by_role("button", name="Pause").click()
    expect_told(page, "tally is paused on alder.")
    page.get_by_role("button", name="Resume tally").click()
    expect_told(page, "tally runs again on alder.")
    assert running(alder) == ["tally"]

    page.get_by_role("link", name="Stop tally").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("tally ends. What it has in memory")).to_be_visible()
    dialog.get_by_label("Seconds to end by itself").fill("1")
    dialog.get_by_role("button", name="Stop").click()
    expect_told(page, "tally was stopped on alder.")
    assert running(alder) == []
    page.get_by_role("button", name="Start tally").click()
    expect_told(page, "tally was started on alder.")
    assert running(alder) == ["tally"]

    dialog = choose(page, "Remove")
    dialog.get_by_role("button", name="Remove").click()
    expect(dialog.get_by_text("Confirm that it is stopped first.")).to_be_visible()
    dialog.get_by_label("Stop it first").check()
    dialog.get_by_label("Seconds to end by itself").fill("0")
    dialog.get_by_role("button", name="Remove").click()
    expect_told(page, "tally was removed from alder.")
    expect(page.get_by_role("heading", name="alder", exact=True)).to_be_visible()
    assert alder.run(["podman", "ps", "--all", "--quiet"]).stdout == ""


def test_the_log_is_followed_paused_filtered_and_downloaded(
    site: SignedInSite, page: Page, alder: Host, counter: str
) -> None:
    open_container(site, page, "counter")
    lines = page.get_by_role("log")
    expect(page.get_by_text("Live: new lines appear by themselves.")).to_be_visible()
    expect(lines.locator("span").first).to_contain_text("counter=")
    # Later lines hold it as the beginning of a greater number, but for the space.
    tick = f"{(lines.locator('span').first.text_content() or '').split()[0]} "

    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text(re.compile(r"^\d+ more since then\.$"))).to_be_visible()
    shown = lines.locator("> *").count()
    page.get_by_role("button", name="Resume").click()
    expect(lines.locator("> *").nth(shown)).to_be_attached()

    page.get_by_label("Filter lines of the log").fill(tick.upper())
    expect(page.get_by_text(re.compile(r"^1 of \d+ lines match\.$"))).to_be_visible()
    expect(lines.locator("mark")).to_have_text(tick)
    page.get_by_label("Filter lines of the log").fill("")

    with page.expect_download() as downloading:
        page.get_by_role("link", name="Download").click()
    assert downloading.value.suggested_filename == "counter-alder.log"
    assert "counter=1 " in downloading.value.path().read_text()

    alder.run(["podman", "stop", "--time", "0", "counter"])
    expect(page.get_by_text("this is the end of its log")).to_be_visible()
    alder.run(["podman", "start", "counter"])
    expect(page.get_by_text("Live: new lines appear by themselves.")).to_be_visible()
    assert followed(alder) == 1
    page.goto("/")
    page.wait_for_load_state()
    wait_until(lambda: followed(alder) == 0)


def followed(host: Host) -> int:
    """Count the streams of logs, as the kernel tells it."""
    found = host.run(["pgrep", "--exact", "--full", "podman logs .*"], check=False)
    return len(found.stdout.split())


def wait_until(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + ASKED_MS / 1000
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.2)


def test_what_it_uses_is_drawn_and_what_happened_to_it_is_told(
    site: SignedInSite, page: Page, alder: Host, counter: str
) -> None:
    open_container(site, page, "counter")
    usage = page.locator("#container-usage")
    box = box_of(usage)
    expect(usage.locator("polyline").first).to_be_attached()
    expect(usage.get_by_text(re.compile(r"^\d+\.\d %$"))).to_be_visible()
    # The hosts' kernel may count no memory: then it says so.
    memory = re.compile(r"at most \d+\.\d \wiB in 2 min|^Not counted by this kernel$")
    expect(usage.get_by_text(memory)).to_be_visible()

    expect(page.get_by_text("Nothing yet. Each checkpoint")).to_be_visible()
    with site.served.api() as api:
        body = {
            "kind": "checkpoint",
            "node": "alder",
            "container": "counter",
            "options": {"leave_running": True},
        }
        api.post("/operations", json=body).raise_for_status()
    entry = page.locator("#container-history li").first
    expect(entry.get_by_role("link", name=re.compile("^Restore counter-"))).to_be_visible(
        timeout=60_000
    )
    expect(entry.get_by_text(re.compile(r"^took \d"))).to_be_visible()
    expect(page.get_by_role("link", name="Stop counter")).to_be_visible()
    assert box_of(usage) == box

    alder.run(["podman", "stop", "--time", "0", "counter"])
    expect(usage.get_by_text("Figures come while the container runs").first).to_be_visible(
        timeout=60_000
    )
