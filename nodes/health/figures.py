"""The site's figures for Prometheus, read from the database: any process answers the same."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator

from django.conf import settings
from django.db.models import Count, Min, Sum
from django.utils import timezone
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from nodes.health.readiness import workers_alive
from nodes.health.tally_figures import tally_figures
from nodes.health.traffic import TRAFFIC
from nodes.models import (
    Archive,
    Batch,
    BatchState,
    Leftover,
    Node,
    NodeState,
    Operation,
    OperationKind,
    OperationState,
)

# What has ended is counted in the tallies: there may be any number of it.
_PRESENT = (OperationState.QUEUED, OperationState.RUNNING, OperationState.UNKNOWN)


def figures() -> bytes:
    """Return all of them in Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(_Site())
    return generate_latest(registry) + generate_latest(TRAFFIC)


class _Site(Collector):
    def describe(self) -> Iterable[Metric]:
        # So that registering it does not read the database.
        return []

    def collect(self) -> Iterator[Metric]:
        yield from _operations()
        yield from _queue()
        yield from tally_figures()
        yield from _nodes()
        yield from _archives()
        yield _one("ferry_workers_alive", "Processes that run operations.", workers_alive())
        yield _one(
            "ferry_batches_active",
            "Batches that run or are paused.",
            Batch.objects.filter(state__in=[BatchState.RUNNING, BatchState.PAUSED]).count(),
        )
        yield _one(
            "ferry_leftovers",
            "What operations had to leave on nodes and is still to be removed.",
            Leftover.objects.count(),
        )


def _operations() -> Iterator[Metric]:
    present = Operation.objects.filter(state__in=_PRESENT).order_by()
    rows = present.values_list("kind", "state").annotate(count=Count("pk"))
    counted = {(kind, state): count for kind, state, count in rows}
    by_state = GaugeMetricFamily(
        "ferry_operations", "Operations that have not ended.", labels=["kind", "state"]
    )
    for kind in OperationKind:
        for state in _PRESENT:
            by_state.add_metric([kind.value, state.value], counted.get((kind, state), 0))
    yield by_state
    by_phase = GaugeMetricFamily(
        "ferry_operations_running", "Operations by their phase.", labels=["kind", "phase"]
    )
    running = Operation.objects.filter(state=OperationState.RUNNING).order_by()
    for kind, phase, count in running.values_list("kind", "phase").annotate(count=Count("pk")):
        by_phase.add_metric([kind, phase], count)
    yield by_phase


def _queue() -> Iterator[Metric]:
    queued = Operation.objects.filter(state=OperationState.QUEUED)
    found = queued.aggregate(length=Count("pk"), oldest=Min("created_at"))
    oldest = found["oldest"]
    waited_s = (timezone.now() - oldest).total_seconds() if oldest else 0.0
    yield _one("ferry_queue_length", "Operations that wait for their turn.", found["length"])
    yield _one(
        "ferry_queue_oldest_wait_seconds", "How long the oldest of these has waited.", waited_s
    )


def _nodes() -> Iterator[Metric]:
    rows = Node.objects.order_by().values_list("state").annotate(count=Count("pk"))
    counted = dict(rows)
    nodes = GaugeMetricFamily("ferry_nodes", "Nodes as last seen.", labels=["state"])
    for state in NodeState:
        nodes.add_metric([state.value], counted.get(state.value, 0))
    yield nodes


def _archives() -> Iterator[Metric]:
    # Both from the index on size_bytes alone.
    found = Archive.objects.aggregate(count=Count("size_bytes"), total=Sum("size_bytes"))
    yield _one("ferry_archives", "Archives in the catalog.", found["count"])
    yield _one("ferry_archives_bytes", "Their files' sizes.", found["total"] or 0)
    try:
        free_bytes = shutil.disk_usage(settings.FERRY_ARCHIVES_DIR).free
    except OSError:
        # Nothing at all is told rather than something wrong: /readyz says what is the matter.
        return
    yield _one("ferry_catalog_free_bytes", "Room left on the catalog's disk.", free_bytes)


def _one(name: str, told: str, value: float) -> Metric:
    return GaugeMetricFamily(name, told, value=value)
