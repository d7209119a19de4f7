"""The tallies as Prometheus' histograms and counters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric

from nodes.models import Measure, Tally
from nodes.models.tally import BUCKETS_S

_ENDS = [*(str(end) for end in BUCKETS_S), "+Inf"]


def tally_figures() -> Iterator[Metric]:
    """Yield what ended operations add up to; each is in it a few seconds after its end."""
    operations = HistogramMetricFamily(
        "ferry_operation_seconds",
        "Duration of operations that have ended.",
        labels=["kind", "state"],
    )
    phases = HistogramMetricFamily(
        "ferry_phase_seconds", "Duration of their phases.", labels=["kind", "phase"]
    )
    downtime = HistogramMetricFamily(
        "ferry_downtime_seconds",
        "Last seen running on the source to seen running on the destination.",
        labels=["kind"],
    )
    moved = CounterMetricFamily(
        "ferry_moved_bytes", "Bytes that phases have moved.", labels=["kind", "phase"]
    )
    for row in Tally.objects.order_by("measure", "kind", "phase", "state"):
        if row.measure == Measure.OPERATION:
            operations.add_metric([row.kind, row.state], _buckets(row.counts), row.total)
        elif row.measure == Measure.PHASE:
            phases.add_metric([row.kind, row.phase], _buckets(row.counts), row.total)
        elif row.measure == Measure.DOWNTIME:
            downtime.add_metric([row.kind], _buckets(row.counts), row.total)
        else:
            moved.add_metric([row.kind, row.phase], row.total)
    yield from (operations, phases, downtime, moved)


def _buckets(counts: Sequence[int]) -> list[tuple[str, float]]:
    return list(zip(_ENDS, accumulate(counts), strict=True))
