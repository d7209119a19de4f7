"""Find the running containers that a schedule is for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from nodes.models import Container, Schedule


@dataclass(frozen=True, kw_only=True)
class Choice:
    """All that is given must fit; what is empty fits everything.

    ``names`` are shell patterns, ``label`` is a key, or key=value.
    """

    names: Sequence[str] = ()
    label: str = ""
    node_ids: Sequence[int] = ()


def choice_of(schedule: Schedule) -> Choice:
    return Choice(
        names=schedule.names,
        label=schedule.label,
        node_ids=list(schedule.nodes.values_list("pk", flat=True)),
    )


def running_containers(choice: Choice) -> list[Container]:
    """Return those that ran at the last observation, by name and node."""
    running = Container.objects.filter(state="running").select_related("node")
    if choice.node_ids:
        running = running.filter(node__in=choice.node_ids)
    return [
        container
        for container in running.order_by("name", "node__name")
        if _has_name(container.name, choice.names) and _has_label(container, choice.label)
    ]


def _has_name(name: str, patterns: Iterable[str]) -> bool:
    patterns = list(patterns)
    return not patterns or any(fnmatchcase(name, pattern) for pattern in patterns)


def _has_label(container: Container, wanted: str) -> bool:
    if not wanted:
        return True
    key, has_value, value = wanted.partition("=")
    labels = container.labels
    return key in labels and (not has_value or str(labels[key]) == value)
