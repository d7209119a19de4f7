"""Draw to scale where the time of an operation went."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import template
from django.utils import timezone

from nodes.models import Operation, OperationState, PhaseState
from nodes.templatetags.units import isotime, phase_seconds

register = template.Library()

_TICK_STEPS_S = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600)
_MOST_TICKS = 6
_LEAST_WIDTH = 0.4


@dataclass(frozen=True, kw_only=True)
class Span:
    """From where to where, in percent of the operation's whole time."""

    start: float
    width: float


@dataclass(frozen=True, kw_only=True)
class Bar:
    phase: dict[str, Any]
    began_s: float | None
    seconds: float | None
    span: Span | None


@dataclass(frozen=True, kw_only=True)
class Tick:
    at: float
    seconds: float


@dataclass(frozen=True, kw_only=True)
class TimeLine:
    total_s: float
    bars: list[Bar]
    ticks: list[Tick]
    downtime: Span | None
    # CRIU tells how long, not when: it is drawn where the checkpoint begins.
    frozen: Span | None


@register.simple_tag
def time_line(operation: Operation) -> TimeLine | None:
    """Return the operation drawn to scale, or None before it has begun."""
    if operation.started_at is None:
        return None
    start = operation.started_at
    total_s = max(((operation.ended_at or timezone.now()) - start).total_seconds(), 0.001)
    return TimeLine(
        total_s=total_s,
        bars=[_bar(phase, start, total_s) for phase in _phases(operation)],
        ticks=_ticks(total_s),
        downtime=_from_checkpoint(operation, "downtime_s", start, total_s),
        frozen=_from_checkpoint(operation, "frozen_s", start, total_s),
    )


def _phases(operation: Operation) -> list[dict[str, Any]]:
    """Return the phases, and after them the way back if there was one: it takes its time, too."""
    phases = [_as_ended(phase, operation) for phase in operation.phases]
    ended = [phase["ended_at"] for phase in phases if phase.get("ended_at")]
    if operation.ended_at is None or not operation.result.get("rolled_back") or not ended:
        return phases
    rollback = {
        "name": "rollback",
        "state": PhaseState.SUCCEEDED,
        "started_at": max(ended),
        "ended_at": operation.ended_at.isoformat(),
    }
    return [*phases, rollback]


def _as_ended(phase: dict[str, Any], operation: Operation) -> dict[str, Any]:
    """Tell what somebody broke off as that: it has not failed."""
    is_cancelled = operation.state == OperationState.CANCELLED
    broken_off = is_cancelled and phase["state"] == PhaseState.FAILED
    return {**phase, "state": "cancelled"} if broken_off else phase


def _bar(phase: dict[str, Any], start: datetime, total_s: float) -> Bar:
    seconds = phase_seconds(phase)
    began = isotime(phase.get("started_at"))
    if began is None or seconds is None or phase["state"] == "skipped":
        return Bar(phase=phase, began_s=None, seconds=None, span=None)
    return Bar(
        phase=phase,
        began_s=max((began - start).total_seconds(), 0),
        seconds=seconds,
        span=_span(began, start, seconds, total_s),
    )


def _span(began: datetime, start: datetime, seconds: float, total_s: float) -> Span:
    at = min(max((began - start).total_seconds() / total_s * 100, 0), 100 - _LEAST_WIDTH)
    width = min(max(seconds / total_s * 100, _LEAST_WIDTH), 100 - at)
    return Span(start=round(at, 3), width=round(width, 3))


def _ticks(total_s: float) -> list[Tick]:
    step = next((s for s in _TICK_STEPS_S if total_s / s <= _MOST_TICKS), total_s / _MOST_TICKS)
    # No tick at the very end, where its label would not fit.
    count = int(total_s * 0.96 / step)
    return [
        Tick(at=round(index * step / total_s * 100, 3), seconds=round(index * step, 1))
        for index in range(count + 1)
    ]


def _from_checkpoint(
    operation: Operation, figure: str, start: datetime, total_s: float
) -> Span | None:
    """Place what began with the checkpoint, when the container was last seen running."""
    seconds = operation.result.get(figure)
    began = [
        isotime(phase["started_at"])
        for phase in operation.phases
        if phase["name"] in ("checkpoint", "transfer") and phase["started_at"]
    ]
    first = min((at for at in began if at is not None), default=None)
    if not seconds or first is None:
        return None
    return _span(first, start, seconds, total_s)
