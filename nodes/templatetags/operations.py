"""What an operation's page says and draws: its phases, its time line, and the next try."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django import template
from django.urls import reverse
from django.utils import timezone

from nodes.models import Operation, OperationKind
from nodes.templatetags.units import isotime, phase_seconds

register = template.Library()

PHASE_TITLES = {
    "preflight": "Preflight",
    "image": "Image",
    "checkpoint": "Checkpoint",
    "transfer": "Transfer",
    "restore": "Restore",
    "verify": "Verify",
    "clean-up": "Clean up",
    "inspect": "Inspect",
    "packages": "Packages",
    "configuration": "Configuration",
    "readiness": "Readiness",
    "run": "Run",
}
_MIGRATION_SENTENCES = {
    "preflight": "Ask both nodes whether it can work",
    "image": "Copy the image by ID if it is missing",
    "checkpoint": "Stop the processes and write their memory",
    "transfer": "Bring the archive into the catalog and over",
    "restore": "Start it again from the archive",
    "verify": "Watch that it keeps running",
    "clean-up": "Remove what is left on the source",
}
_PREPARATION_SENTENCES = {
    "inspect": "Ask the node what it has",
    "packages": "Install what is missing",
    "configuration": "Merge containers.conf, keeping a copy",
    "readiness": "Ask the node again",
}
_SELFTEST_SENTENCES = {
    "image": "Make a small image of the node’s own shell",
    "run": "Start two containers from it",
    "checkpoint": "Freeze them and write their memory",
    "restore": "Start them again from their archives",
    "verify": "See that they count on from where they were",
    "clean-up": "Remove everything again",
}
PHASE_SENTENCES: dict[str, dict[str, str]] = {
    OperationKind.MIGRATE: _MIGRATION_SENTENCES,
    OperationKind.PREPARE: _PREPARATION_SENTENCES,
    OperationKind.UNDO_PREPARE: {
        **_PREPARATION_SENTENCES,
        "configuration": "Put containers.conf back",
    },
    OperationKind.SELFTEST: _SELFTEST_SENTENCES,
}
STATISTICS = {
    "podman_checkpoint_duration_s": "Podman, in all",
    "podman_restore_duration_s": "Podman, in all",
    "runtime_checkpoint_duration_s": "OCI runtime",
    "runtime_restore_duration_s": "OCI runtime",
    "freezing_time_s": "Freezing",
    "frozen_time_s": "Frozen",
    "memdump_time_s": "Memory dump",
    "memwrite_time_s": "Memory write",
    "forking_time_s": "Forking",
    "restore_time_s": "Restore",
    "pages_scanned": "Pages scanned",
    "pages_written": "Pages written",
    "pages_compared": "Pages compared",
    "pages_skipped_cow": "Pages skipped (copy on write)",
    "pages_restored": "Pages restored",
}
_TICK_STEPS_S = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600)
_MOST_TICKS = 6
_LEAST_WIDTH = 0.4


@register.filter
def phase_title(name: str) -> str:
    return PHASE_TITLES.get(name, name.replace("-", " ").capitalize())


@register.filter
def phase_sentence(kind: str, name: str) -> str:
    """Say what a phase does in an operation of this kind."""
    return PHASE_SENTENCES.get(kind, {}).get(name, "")


@register.filter
def statistic_title(name: str) -> str:
    """Name one of CRIU's and Podman's figures."""
    return STATISTICS.get(name, name.removesuffix("_s").replace("_", " ").capitalize())


@dataclass(frozen=True, kw_only=True)
class Span:
    """From where to where, in percent of the operation's whole time."""

    start: float
    width: float


@dataclass(frozen=True, kw_only=True)
class Bar:
    phase: dict[str, Any]
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


@register.simple_tag
def time_line(operation: Operation) -> TimeLine | None:
    """Return the operation drawn to scale, or None before it has begun."""
    if operation.started_at is None:
        return None
    start = operation.started_at
    total_s = max(((operation.ended_at or timezone.now()) - start).total_seconds(), 0.001)
    return TimeLine(
        total_s=total_s,
        bars=[_bar(phase, start, total_s) for phase in operation.phases],
        ticks=_ticks(total_s),
        downtime=_downtime(operation, start, total_s),
    )


def _bar(phase: dict[str, Any], start: datetime, total_s: float) -> Bar:
    seconds = phase_seconds(phase)
    began = isotime(phase.get("started_at"))
    if began is None or seconds is None or phase["state"] == "skipped":
        return Bar(phase=phase, seconds=None, span=None)
    return Bar(phase=phase, seconds=seconds, span=_span(began, start, seconds, total_s))


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


def _downtime(operation: Operation, start: datetime, total_s: float) -> Span | None:
    """Place the downtime: the container was last seen running when its checkpoint began."""
    seconds = operation.result.get("downtime_s")
    began = [
        isotime(phase["started_at"])
        for phase in operation.phases
        if phase["name"] in ("checkpoint", "transfer") and phase["started_at"]
    ]
    first = min((at for at in began if at is not None), default=None)
    if not seconds or first is None:
        return None
    return _span(first, start, seconds, total_s)


@register.filter
def options_used(options: Any) -> list[str]:
    """Return the options that are set; where there are none, a template gives ""."""
    return [name for name, value in dict(options or {}).items() if value is True]


@register.filter
def retry_url(operation: Operation) -> str:
    """Return the migrate page with its destination and options, and those that may help."""
    options = {**operation.options, **operation.error.get("options", {})}
    query = urlencode(
        {
            "destination": operation.destination_id or "",
            "compress": options.get("compress", "zstd"),
            **{name: "on" for name in options_used(options)},
        }
    )
    page = reverse("container-migrate", args=[operation.source_id, operation.container_podman_id])
    return f"{page}?{query}"
