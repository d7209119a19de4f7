"""A person checkpoints a running container by clicking, and restores a copy of it elsewhere."""

from __future__ import annotations

import re
import urllib.request

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.signed_in import SignedInSite
from tests.integration.site import assert_same_program, running
from tests.lab import Host, full_check, read_counter

pytestmark = [pytest.mark.browser, pytest.mark.lab]
ENDED_MS = 60_000


def open_dialog(page: Page, name: str | re.Pattern[str]) -> Locator:
    # Before the scripts run a link leads to the page of the dialog.
    page.wait_for_load_state()
    page.get_by_role("link", name=name, exact=True).first.click()
    return page.get_by_role("dialog")


def confirm(page: Page, dialog: Locator, button: str) -> None:
    """Wait until the preflight allows it, then press the button and follow the operation."""
    press = dialog.get_by_role("button", name=button, exact=True)
    expect(press).to_be_enabled()
    press.click()
    page.wait_for_url("**/operations/*/", wait_until="load")


def checkpoint_counter(page: Page) -> None:
    page.goto("/containers/")
    confirm(page, open_dialog(page, "Checkpoint counter"), "Checkpoint")
    expect(page.get_by_text("counter was checkpointed on alder and runs on.")).to_be_visible(
        timeout=ENDED_MS
    )


def test_a_copy_of_a_running_container_is_restored_on_another_node(
    site: SignedInSite, page: Page, alder: Host, birch: Host, counter: str
) -> None:
    before = read_counter(alder)
    checkpoint_counter(page)
    assert running(alder) == ["counter"]
    assert_same_program(before, full_check(alder))

    page.get_by_role("link", name="Show the archive").click()
    page.wait_for_url("**/archives/*/", wait_until="load")
    dialog = open_dialog(page, re.compile(r"^Restore counter-\d{8}-\d{6}$"))
    dialog.get_by_role("radio", name=re.compile("^birch")).check()
    established = dialog.get_by_role("radio", name=re.compile("^Bring them back"))
    expect(established).to_be_enabled()
    dialog.get_by_role("radio", name=re.compile("^A copy")).check()
    expect(established).to_be_disabled()
    expect(dialog.get_by_text("Not for a copy")).to_be_visible()
    dialog.get_by_label("Name of the copy").fill("twin")
    dialog.get_by_label("Published port 1").fill("9191:8080")
    dialog.get_by_label("Published port 1").press("Tab")
    expect(dialog.get_by_text(re.compile(r"twin goes on running on birch"))).to_be_visible()
    confirm(page, dialog, "Restore")

    expect(page.get_by_text("twin was restored on birch")).to_be_visible(timeout=ENDED_MS)
    assert (running(alder), running(birch)) == (["counter"], ["twin"])
    assert_same_program(before, full_check(birch, "twin"))
    for host, port in ((alder, 8081), (birch, 9191)):
        with urllib.request.urlopen(f"http://{host.address}:{port}/", timeout=5) as response:
            assert b'"errors"' in response.read()

    page.get_by_role("link", name="Show twin").click()
    expect(page.get_by_role("heading", name="twin")).to_be_visible()


def test_a_name_that_is_taken_disables_the_button_until_there_is_another(
    site: SignedInSite, page: Page, alder: Host, birch: Host, counter: str
) -> None:
    checkpoint_counter(page)
    page.get_by_role("link", name=re.compile(r"^Restore counter-\d{8}-\d{6}$")).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("radio", name=re.compile("^alder")).check()
    taken = dialog.get_by_text(re.compile("has the name counter"))
    expect(taken).to_have_count(2)  # among the checks and beside the button
    expect(taken.last).to_be_in_viewport()
    press = dialog.get_by_role("button", name="Restore", exact=True)
    expect(press).to_be_disabled()
    dialog.get_by_role("radio", name=re.compile("^birch")).check()
    expect(press).to_be_enabled()


def test_several_are_checkpointed_and_followed_together(
    site: SignedInSite, page: Page, alder: Host, birch: Host, counter: str
) -> None:
    birch.start_workload("tree", name="batch")
    page.goto("/containers/")
    expect(page.get_by_role("checkbox", name="Select batch on birch")).to_be_enabled()
    page.get_by_role("checkbox", name="Select counter on alder").check()
    page.get_by_role("checkbox", name="Select batch on birch").check()
    page.get_by_role("button", name="Checkpoint 2 selected").click()
    dialog = page.get_by_role("dialog")
    start = dialog.get_by_role("button", name="Checkpoint 2 of 2")
    expect(start).to_be_enabled()
    start.click()
    page.wait_for_url("**/operations/?ids=*", wait_until="load")
    succeeded = page.get_by_role("row").filter(has_text="Succeeded")
    expect(succeeded).to_have_count(2, timeout=ENDED_MS)
    assert (running(alder), running(birch)) == (["counter"], ["batch"])


def test_a_stopped_container_is_restored_in_its_own_place(
    site: SignedInSite, page: Page, alder: Host, counter: str
) -> None:
    before = read_counter(alder)
    page.goto("/containers/")
    dialog = open_dialog(page, "Checkpoint counter")
    dialog.get_by_role("radio", name=re.compile("^Stop it")).check()
    confirm(page, dialog, "Checkpoint and stop")
    expect(page.get_by_text("counter was checkpointed on alder and stopped there.")).to_be_visible(
        timeout=ENDED_MS
    )
    assert running(alder) == []

    page.get_by_role("link", name="counter on alder").click()
    dialog = open_dialog(page, "Restore counter from an archive")
    dialog.get_by_role("link", name=re.compile("^counter-")).click()
    # Its volume is still there: what to do about it is offered beside the finding.
    dialog.get_by_role("button", name="Set --ignore-volumes").click()
    confirm(page, dialog, "Restore")

    expect(page.get_by_text("counter was restored on alder")).to_be_visible(timeout=ENDED_MS)
    assert running(alder) == ["counter"]
    assert_same_program(before, full_check(alder))
