"""A person moves a running container by clicking, sees it happen, and downloads its archive."""

from __future__ import annotations

import hashlib
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.signed_in import SignedInSite
from tests.integration.site import assert_same_program, running
from tests.lab import Host, full_check, read_counter

pytestmark = [pytest.mark.browser, pytest.mark.lab]
ENDED_MS = 60_000
# What the counter has in memory, which does not compress, needs most of a minute.
SLOW_LINK = "10mbit"


@pytest.fixture
def slow_alder(alder: Host) -> Iterator[Host]:
    """Give alder a link so slow that no migration ends before somebody has clicked."""
    alder.shape(SLOW_LINK)
    yield alder
    alder.unshape()


def start_migration(page: Page, name: str) -> None:
    """Click Migrate on a container of the board, wait for the preflight, and confirm."""
    page.get_by_role("link", name=f"Migrate {name}").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text(re.compile(r"\d+ checks passed"))).to_be_visible()
    dialog.get_by_role("button", name="Migrate").click()
    page.wait_for_url("**/operations/*/", wait_until="load")


def test_a_container_moves_by_clicking_and_its_archive_is_downloaded(
    site: SignedInSite, page: Page, alder: Host, birch: Host, counter: str, tmp_path: Path
) -> None:
    before = read_counter(alder)
    page.goto("/")

    start_migration(page, "counter")
    page.evaluate("window.loadedOnce = true")

    # The page itself is never loaded again: what changes comes over the websocket.
    running_phase = page.locator(".phase[data-state=running]")
    expect(running_phase.first).to_be_visible()
    expect(page.locator(".phase__figures").filter(has_text="MiB").first).to_be_visible(
        timeout=ENDED_MS
    )
    expect(page.get_by_text("counter moved from alder to birch.")).to_be_visible(timeout=ENDED_MS)
    assert page.evaluate("window.loadedOnce") is True
    expect(page.get_by_text("Downtime", exact=True)).to_be_visible()

    assert (running(alder), running(birch)) == ([], ["counter"])
    assert_same_program(before, full_check(birch))
    with urllib.request.urlopen(f"http://{birch.address}:8081/", timeout=5) as response:
        assert b'"errors"' in response.read()
    assert birch.run(["podman", "exec", "counter", "cat", "/data/started"]).stdout

    page.get_by_role("link", name=re.compile(r"counter-\d{8}-\d{6}")).first.click()
    digest = page.locator("main").get_by_text(re.compile(r"\b[0-9a-f]{64}\b")).first.inner_text()
    with page.expect_download() as downloading:
        page.get_by_role("link", name=re.compile("Download")).click()
    file = tmp_path / "archive"
    downloading.value.save_as(file)
    assert downloading.value.suggested_filename.endswith(".tar.zst")
    assert hashlib.sha256(file.read_bytes()).hexdigest() in digest


def test_the_board_shows_the_container_on_its_new_node_by_itself(
    site: SignedInSite, page: Page, alder: Host, birch: Host, counter: str
) -> None:
    page.goto("/")
    board = page.context.new_page()
    board.goto("/")
    start_migration(page, "counter")
    on_birch = board.get_by_role("list", name="Containers on birch")
    expect(on_birch.get_by_role("link", name=re.compile("^counter"))).to_be_visible(
        timeout=ENDED_MS
    )
    on_alder = board.get_by_role("list", name="Containers on alder")
    expect(on_alder.get_by_role("link", name=re.compile("^counter"))).to_have_count(
        0, timeout=ENDED_MS
    )


def test_a_cancelled_migration_says_where_the_container_is(
    site: SignedInSite, page: Page, slow_alder: Host, birch: Host, counter: str
) -> None:
    before = read_counter(slow_alder)
    page.goto("/")
    page.wait_for_load_state()
    start_migration(page, "counter")
    page.locator("main").get_by_role("link", name="Cancel").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("alder")
    dialog.get_by_role("button", name="Cancel and keep it on alder").click()
    expect(
        page.get_by_text(re.compile(r"Cancelled\. (counter stayed on alder|Nothing was changed)"))
    ).to_be_visible(timeout=ENDED_MS)
    assert (running(slow_alder), running(birch)) == (["counter"], [])
    assert_same_program(before, full_check(slow_alder))


def test_a_failed_restore_says_what_happened_why_and_what_to_do(
    site: SignedInSite, page: Page, alder: Host, birch: Host, counter: str
) -> None:
    birch.load_image("busybox")
    before = read_counter(alder)
    page.goto("/")
    page.get_by_role("link", name="Migrate counter").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text(re.compile(r"\d+ checks passed"))).to_be_visible()
    dialog.get_by_role("button", name="Migrate").click()
    expect(page.locator(".phase[data-state=running]", has_text="Checkpoint")).to_be_visible(
        timeout=ENDED_MS
    )
    birch.run(
        ["podman", "run", "--detach", "--network", "host", "--name", "thief",
         "localhost/ferry-busybox", "nc", "-l", "-p", "8081"]
    )  # fmt: skip
    panel = page.get_by_role("region", name=re.compile("could not be restored on birch"))
    expect(panel).to_be_visible(timeout=ENDED_MS)
    expect(panel).to_contain_text("counter stayed on alder")
    expect(panel).to_contain_text("port")
    expect(panel).to_contain_text("What to do")
    assert running(alder) == ["counter"]
    assert_same_program(before, full_check(alder))


def test_preflight_disables_the_button_and_says_why(
    site: SignedInSite, page: Page, alder: Host, birch: Host, counter: str
) -> None:
    birch.run(["podman", "volume", "create", "counter-data"])
    page.goto("/")
    page.get_by_role("link", name="Migrate counter").click()
    dialog = page.get_by_role("dialog")
    expect(
        dialog.get_by_text("A volume with the same name is on the destination already.")
    ).to_be_visible()
    expect(dialog.get_by_role("button", name="Migrate")).to_be_disabled()

    dialog.get_by_text("Options").click()
    dialog.get_by_label(re.compile("--ignore-volumes")).check()
    expect(dialog.get_by_role("button", name="Migrate")).to_be_enabled()
