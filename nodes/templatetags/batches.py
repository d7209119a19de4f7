"""What a batch's page draws: its containers by state, as one bar."""

from __future__ import annotations

from dataclasses import dataclass

from django import template
from django.utils import timezone

from nodes.models import Batch, BatchItemState

register = template.Library()
# In the order of the bar: what is done first.
_ORDER = (
    BatchItemState.SUCCEEDED,
    BatchItemState.RUNNING,
    BatchItemState.FAILED,
    BatchItemState.WAITING,
    BatchItemState.SKIPPED,
)
_WORDS = {
    BatchItemState.SUCCEEDED: "moved",
    BatchItemState.RUNNING: "under way",
    BatchItemState.FAILED: "failed",
    BatchItemState.WAITING: "waiting",
    BatchItemState.SKIPPED: "left where they are",
}


@dataclass(frozen=True, kw_only=True)
class Share:
    """The containers in one state; from where to where, in percent of all."""

    state: str
    word: str
    count: int
    start: float
    width: float


@register.filter
def shares(batch: Batch) -> list[Share]:
    """Return the states in which there are any; the batch has its counts annotated."""
    counts = batch.counts
    total = sum(counts.values())
    found: list[Share] = []
    done = 0
    for state in _ORDER:
        if count := counts[state]:
            found.append(
                Share(
                    state=state.value,
                    word=_WORDS[state],
                    count=count,
                    start=round(done / total * 100, 3),
                    width=round(count / total * 100, 3),
                )
            )
        done += count
    return found


@register.filter
def lasted_s(batch: Batch) -> float:
    """Return how long the batch took, or has taken so far."""
    return ((batch.ended_at or timezone.now()) - batch.created_at).total_seconds()


@register.filter
def percent_of(part: float | None, whole: float | None) -> float:
    """Return a part in percent of the whole, 100 at most; 0 where the whole is not known."""
    if not part or not whole:
        return 0.0
    return round(min(part / whole, 1) * 100, 3)
