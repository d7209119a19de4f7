"""What an operation's page says: its phases, what it waits for, and the next try."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django import template
from django.urls import reverse

from nodes.models import Operation, OperationKind
from nodes.operations.queue import full_nodes, place_in_line
from nodes.podman.options import COMPRESSIONS
from nodes.templatetags.drawings import microseconds_text
from nodes.templatetags.phase_words import PHASE_SENTENCES, PHASE_TITLES, STATISTICS

register = template.Library()

_US_PER_S = 1_000_000
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


@dataclass(frozen=True, kw_only=True)
class Statistic:
    title: str
    sentence: str
    text: str


@register.filter
def statistics_told(figures: Mapping[str, float]) -> list[Statistic]:
    """Name CRIU's and Podman's figures; those of a newer CRIU get a name of their own spelling."""
    order = [*(name for name in STATISTICS if name in figures)]
    order += [name for name in figures if name not in STATISTICS]
    return [_statistic(name, figures[name]) for name in order]


def _statistic(name: str, value: float) -> Statistic:
    plain = name.removesuffix("_s").replace("_", " ").capitalize()
    title, sentence = STATISTICS.get(name, (plain, ""))
    if name.startswith("pages_"):
        return Statistic(title=title, sentence=sentence, text=f"{value:,.0f}")
    return Statistic(title=title, sentence=sentence, text=microseconds_text(value * _US_PER_S))


@register.filter
def options_used(options: Any) -> list[str]:
    """Return the options that are set; where there are none, a template gives ""."""
    return [name for name, value in dict(options or {}).items() if value is True]


@register.filter
def options_with_text(options: Any) -> list[tuple[str, str]]:
    """Return the options that carry a name, a pod, ports or a choice, each with its text."""
    given = dict(options or {})
    named = [(name, str(given[name])) for name in ("name", "pod") if given.get(name)]
    ports = [("publish", str(port)) for port in given.get("publish") or []]
    compress = given.get("compress") or COMPRESSIONS[0]
    # The first is what it is when nobody chooses.
    return named + ports + ([("compress", compress)] if compress != COMPRESSIONS[0] else [])


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
    query["retry_of"] = operation.pk
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
