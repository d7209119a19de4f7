"""What runs beside the requests: the fleet's watchers, the engine, the clock, the batches."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

Work = Callable[[], Coroutine[Any, Any, None]]


def embedded_work() -> list[Work]:
    """Return what the one process of a default site does; it is the only one to do so."""
    from nodes.operations.engine import engine

    return [engine.run, *_once().values()]


def work_of_a_worker() -> list[Work]:
    """Return what each of several workers does; what may be done once only, under a lease."""
    from nodes.archives.keep import keep_tidy
    from nodes.operations.engine import engine
    from nodes.operations.lease import under_lease
    from nodes.operations.wake_calls import hear_wake_calls

    once = {**_once(), "incoming": keep_tidy}

    def leased(name: str) -> Work:
        return lambda: under_lease(name, once[name])

    return [engine.run, hear_wake_calls, *(leased(name) for name in once)]


def _once() -> Mapping[str, Work]:
    """Return what only one process at a time may do, by the name of its lease."""
    from nodes.health.tallying import keep_tallying
    from nodes.inventory.fleet import fleet
    from nodes.operations.batch_coordinator import batch_coordinator
    from nodes.operations.leftovers import keep_tidying
    from nodes.operations.scheduler import scheduler

    return {
        "fleet": fleet.run,
        "scheduler": scheduler.run,
        "batches": batch_coordinator.run,
        "leftovers": keep_tidying,
        "tallies": keep_tallying,
    }
