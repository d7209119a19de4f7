"""What this process itself has answered, which no row tells; other processes count their own."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Gauge, Histogram

TRAFFIC = CollectorRegistry()
requests_s = Histogram(
    "ferry_http_request_seconds",
    "Time to the end of an answer, in this process.",
    ["method", "status"],
    registry=TRAFFIC,
    buckets=(0.01, 0.05, 0.1, 0.5, 1, 5, 30),
)
pages = Gauge(
    "ferry_websocket_pages", "Pages that are live by a websocket of this process.", registry=TRAFFIC
)
# Others are whatever somebody sends: each would be kept for ever.
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def note_request(method: str, status: int, taken_s: float) -> None:
    name = method if method in METHODS else "other"
    requests_s.labels(name, f"{status // 100}xx").observe(taken_s)
