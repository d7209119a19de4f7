"""Where an element lies on the page."""

from __future__ import annotations

from playwright.sync_api import Locator


def box_of(locator: Locator) -> dict[str, float]:
    """Return its box in the window; bounding_box() says None of what is just being replaced."""
    while True:
        box: dict[str, float] = locator.evaluate("each => each.getBoundingClientRect().toJSON()")
        # What a live update has taken away meanwhile has none: then there is another.
        if box["width"] > 0:
            return box
