"""Take a picture of every page in light and dark, wide and on a phone: `make screenshots`.

They go to test-results/screenshots; with --readme those of the README are renewed as well.
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.chromium import ARGUMENTS, CHROMIUM
from tests.browser.furnished import furnish
from tests.lab import Lab
from tests.serving import ROOT, ServedSite

FOLDER = ROOT / "test-results" / "screenshots"
README_FOLDER = ROOT / "docs" / "images"
README_PICTURES = {
    "fleet": "fleet",
    "operation": "operation",
    "archives": "archives",
    "archive-tree": "processes",
    "archive-tree-memory": "memory",
    "archive-compare": "compare",
    "migrate": "migrate",
    "prepare": "prepare",
    "batch": "batch",
    "node": "node",
    "container": "container",
}
# Their preflight comes a moment after the page.
DIALOGS = (
    "migrate", "checkpoint", "restore", "restore-uploaded", "evacuate", "batch-bring-back",
)  # fmt: skip
VARIANTS: dict[str, dict[str, Any]] = {
    "light": {"viewport": {"width": 1440, "height": 900}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1440, "height": 900}, "color_scheme": "dark"},
    "wide": {"viewport": {"width": 2560, "height": 1200}, "color_scheme": "light"},
    "phone": {"viewport": {"width": 390, "height": 844}, "color_scheme": "light"},
    "phone-dark": {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"},
}


def main() -> None:
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    lab = Lab("shots")
    try:
        hosts = lab.up(["alder", "birch", "cedar"])
        # Without Podman and CRIU, to be prepared.
        hosts |= lab.up(["fir"], rootfs="bare")
        with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
            served = ServedSite(Path(folder))
            served.start()
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            try:
                take_all(browser, served, {"first-run": "/"})
                take_all(browser, served, furnish(served, hosts))
            finally:
                browser.close()
                served.stop()
    finally:
        lab.down(wipe=True)
    if "--readme" in sys.argv:
        README_FOLDER.mkdir(parents=True, exist_ok=True)
        for page, name in README_PICTURES.items():
            shutil.copy(FOLDER / f"{page}-light.png", README_FOLDER / f"{name}.png")


def take_all(browser: Browser, served: ServedSite, paths: dict[str, str]) -> None:
    found = re.search(r"as admin with the password (\S+)", served.log.read_text())
    assert found is not None
    for variant, settings in VARIANTS.items():
        context = browser.new_context(base_url=served.url, **settings)
        page = context.new_page()
        page.goto("/")
        take(page, "sign-in", variant)
        page.get_by_label("Username").fill("admin")
        page.get_by_label("Password", exact=True).fill(found.group(1))
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("heading", name="Fleet").wait_for()
        for name, path in paths.items():
            page.goto(path)
            take(page, name, variant)
        context.close()


def take(page: Page, name: str, variant: str) -> None:
    page.wait_for_load_state("networkidle")
    # The websocket sends the present state, and a dialog its preflight, a moment later.
    page.wait_for_timeout(1500 if name in DIALOGS else 400)
    if name == "container":
        # For its sparklines to be lines.
        page.wait_for_timeout(15_000)
    page.screenshot(path=FOLDER / f"{name}-{variant}.png", full_page=True)


if __name__ == "__main__":
    main()
