"""Every page of a site on which everything has happened, as people who see it otherwise need it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser.furnished import furnish
from tests.integration.conftest import clean
from tests.lab import Host, Lab
from tests.serving import ServedSite

pytestmark = [pytest.mark.browser, pytest.mark.lab]
WIDE = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
# In pixels, of what can be scrolled to the right of a page.
_BEYOND = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture
def hosts(lab: Lab, alder: Host, birch: Host) -> Iterator[dict[str, Host]]:
    """Start a third host that is ready, and one that is not prepared."""
    with ExitStack() as stack:
        cedar = stack.enter_context(clean(lab.up(["cedar"])["cedar"]))
        if "fir" in lab.hosts:
            lab.host("fir").wipe()
        fir = lab.up(["fir"], rootfs="bare")["fir"]
        yield {"alder": alder, "birch": birch, "cedar": cedar, "fir": fir}


def test_every_page_can_be_used_by_everybody_in_light_in_dark_and_on_a_phone(
    hosts: dict[str, Host], served: ServedSite, page: Page
) -> None:
    found = broken_on(page, "first-run", "/")
    for name, path in furnish(served, hosts).items():
        found += broken_on(page, name, path)
    assert not found, "\n".join(found)


def broken_on(page: Page, name: str, path: str) -> list[str]:
    """Return what is wrong with the page in light, in dark and on a phone."""
    found = []
    for scheme in ("light", "dark"):
        # Before the page comes, and without motion: a colour that still changes has no contrast.
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.set_viewport_size(WIDE)
        page.goto(path, wait_until="networkidle")
        found += [f"{name}, {scheme}: {line}" for line in violations(page)]
    page.set_viewport_size(PHONE)
    if (beyond := page.evaluate(_BEYOND)) > 0:
        found.append(f"{name}: {beyond} px wider than a phone")
    return found


def violations(page: Page) -> list[str]:
    """Return what axe-core finds on the page: the rule, and where it is broken."""
    return [
        f"{rule['id']}: " + "; ".join(str(node["target"]) for node in rule["nodes"][:5])
        for rule in Axe().run(page).response["violations"]
    ]
