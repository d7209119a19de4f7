"""Time pages of a served site, from the request to the whole answer."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass

import httpx

ROUNDS = 20


@dataclass(frozen=True, kw_only=True)
class PageTimes:
    first_ms: float
    median_ms: float
    p95_ms: float
    html_bytes: int
    sent_bytes: int


def time_page(url: str, cookies: dict[str, str]) -> PageTimes:
    milliseconds = []
    with httpx.Client(cookies=cookies, timeout=60) as browser:
        for _ in range(ROUNDS + 1):
            began = time.perf_counter()
            with browser.stream("GET", url) as answer:
                raw = sum(len(chunk) for chunk in answer.iter_raw())
            milliseconds.append((time.perf_counter() - began) * 1000)
            assert answer.status_code == 200, answer.status_code
        html_bytes = len(browser.get(url).content)
    warm = sorted(milliseconds[1:])
    return PageTimes(
        first_ms=milliseconds[0],
        median_ms=statistics.median(warm),
        p95_ms=warm[int(len(warm) * 0.95) - 1],
        html_bytes=html_bytes,
        sent_bytes=raw,
    )
