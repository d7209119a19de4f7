"""A person starts a migration, does something else meanwhile, and is told how it ended."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.signed_in import SignedInSite
from tests.browser.test_migrate_by_clicking import ENDED_MS, start_migration
from tests.integration.site import running
from tests.lab import Host

pytestmark = [pytest.mark.browser, pytest.mark.lab]


def test_a_migration_is_followed_from_another_page_and_read_afterwards(
    site: SignedInSite, page: Page, alder: Host, birch: Host, counter: str
) -> None:
    page.goto("/")
    page.wait_for_load_state()
    start_migration(page, "counter")
    operation = page.url
    log = page.get_by_role("region", name="Log")
    expect(log.get_by_text("Checkpointing counter on alder.")).to_be_visible(timeout=ENDED_MS)

    page.add_init_script(_OUT_OF_SIGHT)
    page.goto("/account/")
    page.wait_for_load_state()
    tray = page.locator("#tray")
    # It says in words how it ended, once, and keeps it in the tray.
    toast = page.locator("[data-toast]")
    expect(toast).to_contain_text("counter moved to birch.", timeout=ENDED_MS)
    expect(page.locator("[data-announcer]")).to_have_text("counter moved to birch.")
    assert page.evaluate("window.notified") == ["counter moved to birch."]
    # Before it goes by itself.
    toast.get_by_role("button", name=re.compile("Dismiss")).click()
    expect(toast).to_be_hidden()
    assert running(birch) == ["counter"]
    tray.locator("summary").press("Enter")
    ended = tray.get_by_role("list", name="Just ended")
    ended.get_by_role("button", name=re.compile("Show again")).click()
    expect(ended.get_by_role("link", name="counter moved to birch.")).to_be_visible()
    tray.get_by_role("button", name="Notifications are on: turn off").click()
    expect(tray.get_by_role("button", name="Notify me when an operation ends")).to_be_visible()
    page.keyboard.press("Escape")
    expect(ended).to_be_hidden()
    expect(tray.locator("summary")).to_be_focused()

    page.goto(operation)
    page.wait_for_load_state()
    expect(toast).to_be_hidden()
    expect(page.get_by_text(re.compile("^Downtime, .* seen running on birch"))).to_be_visible()
    expect(page.get_by_text(re.compile("^Frozen time, .* CRIU’s own figure"))).to_be_visible()
    page.get_by_text("Show as a table").click()
    times = page.get_by_role("table", name=re.compile("Where the time went"))
    expect(times.get_by_role("row", name=re.compile("^Transfer done"))).to_be_visible()
    expect(page.get_by_role("table", name="Checkpoint")).to_contain_text("Frozen")

    page.get_by_label("Only lines with").fill("checkpointing")
    expect(log.get_by_role("listitem")).to_have_count(1)
    with page.expect_download() as downloading:
        page.get_by_role("link", name="Download log").click()
    assert "Checkpointing counter on alder." in downloading.value.path().read_text()


# A page in the background of somebody who has asked to be notified; Chromium without a head shows
# nothing, so what it would show is noted.
_OUT_OF_SIGHT = """
    Object.defineProperty(Document.prototype, "hidden", { get: () => true });
    if (!localStorage.getItem("ferry.notify")) localStorage.setItem("ferry.notify", "on");
    window.notified = [];
    window.Notification = class extends EventTarget {
      static permission = "granted";
      static requestPermission = async () => "granted";
      constructor(title, { body }) { super(); window.notified.push(body); }
    };
"""
