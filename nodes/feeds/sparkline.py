"""Draw the last samples as a line, the newest at the right edge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nodes.feeds.usage_history import KEEP_SAMPLES

WIDTH, HEIGHT = 120, 32
# The line is as wide as this below and above its middle.
_MARGIN = 1.5


@dataclass(frozen=True, kw_only=True)
class Sparkline:
    """``line`` and ``area`` are points of an SVG; ``now`` and ``most`` are the figures."""

    line: str
    area: str
    now: float
    most: float


def sparkline(values: Sequence[float | None], *, least_scale: float) -> Sparkline | None:
    """Return None when there is nothing to draw, as when the last was not counted."""
    if not values or values[-1] is None:
        return None
    shown = values[-KEEP_SAMPLES:]
    counted = [value for value in shown if value is not None]
    scale = max(*counted, least_scale)
    step = WIDTH / (KEEP_SAMPLES - 1)
    points = [
        (WIDTH - step * (len(shown) - 1 - place), _height(value, scale))
        for place, value in enumerate(shown)
        if value is not None
    ]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    area = f"{points[0][0]:.1f},{HEIGHT} {line} {points[-1][0]:.1f},{HEIGHT}"
    return Sparkline(line=line, area=area, now=values[-1], most=max(counted))


def _height(value: float, scale: float) -> float:
    return HEIGHT - _MARGIN - (HEIGHT - 2 * _MARGIN) * value / scale
