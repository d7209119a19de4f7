"""A real Chromium in front of a real site with two real hosts.

Playwright's own pytest plugin keeps its event loop for the whole session, in which no other
asyncio test can run; these fixtures end it with the module.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from tests.browser.chromium import ARGUMENTS, CHROMIUM, new_context
from tests.browser.furnished import NOWHERE
from tests.browser.signed_in import SignedInSite
from tests.integration.conftest import alder, birch, counter, lab
from tests.lab import Host
from tests.serving import ServedSite

# A form that comes back with its errors is a 422, which Chromium calls an error; a preflight that
# a newer one replaces is given up, which htmx calls one. A request that fails says sendError too.
# A page left while its websocket still connects has htmx print that socket's event; a socket that
# is refused has Chromium say so in words. What is being loaded while a host of the lab comes or
# goes is given up; a page that lacks something fails its test by that.
_NO_ERRORS = (
    r"status of (422|403|410)|^htmx:(afterRequest|sendAbort), |^\[object Event\]$"
    r"|net::ERR_NETWORK_CHANGED$"
)

# As patient as a click is: on a busy machine a node answers late.
expect.set_options(timeout=30_000)

__all__ = ["alder", "birch", "counter", "lab"]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedSite]:
    site = ServedSite(tmp_path_factory.mktemp("site"))
    site.start()
    yield site
    site.stop()


@pytest.fixture
def site(served: ServedSite, alder: Host, birch: Host) -> SignedInSite:
    """Know both hosts as nodes."""
    return SignedInSite.with_nodes(served, [alder, birch])


@pytest.fixture
def page(chromium: Browser, served: ServedSite) -> Iterator[Page]:
    """Sign in as the first admin; any error in the console fails the test."""
    context = new_context(chromium, base_url=served.url, accept_downloads=True)
    page = context.new_page()
    errors: list[str] = []

    def note(message: ConsoleMessage) -> None:
        wanted = message.location.get("url", "").endswith(NOWHERE)
        if message.type == "error" and not wanted and not re.search(_NO_ERRORS, message.text):
            errors.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: errors.append(str(error)))
    password = re.search(r"as admin with the password (\S+)", served.log.read_text())
    assert password is not None
    page.goto("/")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password", exact=True).fill(password.group(1))
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Fleet").wait_for()
    page.wait_for_load_state()
    yield page
    context.close()
    assert errors == []
