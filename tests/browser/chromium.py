"""How Debian's Chromium is started."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Browser, BrowserContext

CHROMIUM = "/usr/bin/chromium"
# As root and with no network but the lab's: without these it looks for updates all the time.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# Playwright waits until an element receives events.
_AFTER_THE_SCRIPTS = """
new MutationObserver((_, observer) => {
  observer.disconnect();
  const { style } = document.documentElement;
  style.pointerEvents = "none";
  addEventListener("load", () => setTimeout(() => style.removeProperty("pointer-events")));
}).observe(document, { childList: true });
"""


def new_context(chromium: Browser, **options: Any) -> BrowserContext:
    """Open a context in which, as a person would, nothing is clicked before the scripts are there.

    A link that is clicked in that instant is followed as a plain link.
    """
    context = chromium.new_context(**options)
    context.add_init_script(_AFTER_THE_SCRIPTS)
    return context
