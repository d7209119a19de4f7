"""Who runs operations: this process, and for how long its word holds.

A worker writes its name and the time into the row of each operation that it runs. Others take an
operation up when it has not done so for STALE_AFTER_S. One that cannot write any more, while
others may, stops acting well before that: two must never act on one container. All of it goes by
the database's clock, for those of several machines differ.
"""

from __future__ import annotations

import os
import secrets
import socket
from datetime import timedelta
from functools import cache

from django.db import transaction
from django.db.models import Q, Subquery
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import Now

from nodes.models import Operation, OperationState, Worker

HEARTBEAT_EVERY_S = 2.0
SAY_ALIVE_EVERY_S = 10.0
GIVE_UP_AFTER_S = 12.0
STALE_AFTER_S = 30.0


@cache
def this_worker() -> str:
    """Return the name of this process, another one at each start."""
    return f"{socket.gethostname()[:80]}:{os.getpid()}:{secrets.token_hex(4)}"


def say_alive(*, stopping: bool = False) -> None:
    """Write that this process lives and runs operations."""
    Worker.objects.update_or_create(
        name=this_worker(), defaults={"seen_at": Now(), "stopping": stopping}
    )
    Worker.objects.filter(seen_at__lt=Now() - timedelta(days=1)).delete()


def say_stopping() -> bool:
    """Write that this process takes up nothing more; return whether another one goes on.

    Of several that stop at once the last one knows that it is the last.
    """
    with transaction.atomic():
        # Whoever asks holds all of them: the next one sees that this one stops.
        list(Worker.objects.select_for_update().filter(alive()).order_by("name"))
        say_alive(stopping=True)
        return Worker.objects.filter(alive()).exists()


def say_gone() -> None:
    Worker.objects.filter(name=this_worker()).delete()


def others_go_on() -> bool:
    """Tell whether another process has said since this one began to stop that it goes on."""
    stopped_at = Worker.objects.filter(name=this_worker()).values("seen_at")
    return Worker.objects.filter(alive(), seen_at__gt=Subquery(stopped_at)).exists()


def alive() -> Q:
    """Select the workers that have lately said that they run operations, and go on to."""
    return Q(seen_at__gte=_stale_before(), stopping=False)


def abandoned() -> Q:
    """Select the operations that say running, though nobody has said so for too long."""
    silent = Q(heartbeat_at=None) | Q(heartbeat_at__lt=_stale_before())
    return Q(state=OperationState.RUNNING) & silent


def beat(operation_id: int) -> bool | None:
    """Write that this process runs the operation; return whether a cancel is asked for.

    None says that the operation is not this process's any more.
    """
    mine = Operation.objects.filter(
        pk=operation_id, worker=this_worker(), state=OperationState.RUNNING
    )
    if not mine.update(heartbeat_at=Now()):
        return None
    return mine.filter(cancel_requested=True).exists()


def _stale_before() -> CombinedExpression:
    return Now() - timedelta(seconds=STALE_AFTER_S)
