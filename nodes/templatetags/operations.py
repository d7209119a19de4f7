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
from nodes.operations.queue import full_nodes, place_in_line
from nodes.templatetags.phase_words import PHASE_SENTENCES, PHASE_TITLES, STATISTICS
from nodes.templatetags.units import isotime, phase_seconds

register = template.Library()

_TICK_STEPS_S = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600)
_MOST_TICKS = 6
_LEAST_WIDTH = 0.4
# Options that carry a text, or several.
_TEXTS = ("name", "pod", "publish", "compress")
# By kind: the dialog of the next try, and what it has to be told even if it is not set.
_DIALOGS: dict[OperationKind, tuple[str, dict[str, str]]] = {
    OperationKind.MIGRATE: ("container-migrate", {}),
    OperationKind.CHECKPOINT: ("container-checkpoint", {"leave_running": ""}),
}


@register.filter
def phase_title(name: str) -> str:
    return PHASE_TITLES.get(name, name.replace("-", " ").capitalize())


@register.filter
def phase_sentence(kind: str, name: str) -> str:
    """Say what a phase does in an operation of this kind."""
    return PHASE_SENTENCES.get(kind, {}).get(name, "")


@register.filter
def waits_for(operation: Operation) -> str:
    """Say why a queued operation has not begun yet."""
    told = [
        f"{name} is busy with other operations" for name in full_nodes([operation])[operation.pk]
    ]
    before = place_in_line(operation)
    if before:
        told.append(f"{before} before it in the queue")
    return f"Waits: {'; '.join(told)}." if told else "It begins at once."


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
def options_with_text(options: Any) -> list[tuple[str, str]]:
    """Return the options that carry a name, a pod or ports, each with its text."""
    given = dict(options or {})
    ports = [("publish", str(port)) for port in given.get("publish") or []]
    return [(name, str(given[name])) for name in ("name", "pod") if given.get(name)] + ports


@register.filter
def route(operation: Operation) -> str:
    """Return "alder → birch" for what moves, else the one node where it happens."""
    return " → ".join(name for name in (operation.source_name, operation.destination_name) if name)


@register.filter
def followed(operation: Operation) -> str:
    """Return the ID of the container whose whereabouts tell how it stands, "" if none does."""
    # A clone has nothing to do with the container that its archive was made of.
    if operation.is_of_node or operation.options.get("name"):
        return str(operation.result.get("destination_container_id", ""))
    return operation.container_podman_id


@register.filter
def retry_url(operation: Operation) -> str:
    """Return the dialog with the operation's options and those that may help, "" if none can."""
    options = {**operation.options, **operation.error.get("options", {})}
    query: dict[str, Any] = {name: "on" for name in options_used(options)}
    query |= {name: options[name] for name in _TEXTS if options.get(name)}
    if operation.kind == OperationKind.RESTORE:
        if operation.archive_id is None:
            return ""
        page = reverse("archive-restore", args=[operation.archive_id])
        query["node"] = operation.destination_id or ""
    else:
        if operation.source_id is None:
            return ""
        name, given = _DIALOGS[OperationKind(operation.kind)]
        page = reverse(name, args=[operation.source_id, operation.container_podman_id])
        query = {**given, **query}
        if operation.kind == OperationKind.MIGRATE:
            query["destination"] = operation.destination_id or ""
    return f"{page}?{urlencode(query, doseq=True)}"
