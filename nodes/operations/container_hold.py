"""Keep operations off a container while an action on it runs.

A hold is a lease: it ends by itself, should the process die that holds it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil

from django.db.models.functions import Now
from django.utils import timezone

from nodes.models import Container, Lease, Node

# As much of an ID as a lease's name has room for beside the prefix: 112 bits tell them apart.
_ID_CHARS = 28
# Nobody else ever sees this one.
_MEETING = "meeting"
_MEETING_S = 60.0


@dataclass(frozen=True, kw_only=True)
class Hold:
    """``left_s`` is in how many seconds it ends at the latest."""

    action: str
    user_name: str
    left_s: int


def take_hold(podman_id: str, holder: str, seconds: float) -> bool:
    """Hold the container for so long, or return False: somebody else does."""
    return Lease.take(_name(podman_id), holder, seconds)


def meet(podman_id: str) -> bool:
    """Have actions wait until this transaction has ended, or return False: one has a hold.

    An action and an operation may lock different nodes, as when the container is restored
    elsewhere. Both write this row, even if it is gone again: its key has one wait for the other.
    """
    free = take_hold(podman_id, _MEETING, _MEETING_S)
    if free:
        give_back_hold(podman_id, _MEETING)
    return free


def give_back_hold(podman_id: str, holder: str) -> None:
    Lease.give_back(_name(podman_id), holder)


def holder_of(*, action: str, user_name: str, key: str) -> str:
    return f"{action} {key} {user_name}"[:128]


def hold_of(podman_id: str) -> Hold | None:
    """Return what is being done to the container now, and by whom."""
    lease = Lease.objects.filter(name=_name(podman_id), expires_at__gt=Now()).first()
    if lease is None:
        return None
    action, _, rest = lease.holder.partition(" ")
    left = (lease.expires_at - timezone.now()).total_seconds()
    return Hold(action=action, user_name=rest.partition(" ")[2], left_s=max(1, ceil(left)))


def held_container(nodes: Iterable[Node]) -> Container | None:
    """Return a container on these nodes to which something is being done now."""
    held = Lease.objects.filter(name__startswith=_name(""), expires_at__gt=Now())
    names = set(held.values_list("name", flat=True))
    if not names:
        return None
    containers = Container.objects.filter(node__in=list(nodes)).select_related("node")
    return next((each for each in containers if _name(each.podman_id) in names), None)


def _name(podman_id: str) -> str:
    return f"act-{podman_id[:_ID_CHARS]}"
