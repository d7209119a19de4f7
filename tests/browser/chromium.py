"""How Debian's Chromium is started."""

from __future__ import annotations

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
