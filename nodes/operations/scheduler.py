"""Watch the clock for the schedules."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

from django.utils import timezone

from nodes.models import Schedule
from nodes.operations.schedules import (
    end_runs,
    expire_everything,
    open_runs,
    plan_again,
    run_what_is_due,
)
from nodes.operations.turning import Turning

# Clocks are set, and other processes write rows: never sleep through either for long.
LOOK_EVERY_S = 30.0
# While a run's operations are under way, for their end is when the keep rules apply.
LOOK_EVERY_S_DURING_A_RUN = 2.0
LOOK_AFTER_S_AT_LEAST = 1.0
EXPIRE_EVERY = timedelta(hours=1)
# A clock may still be wrong when a machine has just started, and the nodes not looked at.
EXPIRE_AFTER_START_S = 300.0


class Scheduler(Turning):
    name = "scheduler"
    look_every_s = LOOK_EVERY_S

    def __init__(self) -> None:
        super().__init__()
        self._began_s = time.monotonic()
        self._expired_at: datetime | None = None

    async def run(self) -> None:
        """Run what is due until cancelled; one that fails is tried again at its next time."""
        self._began_s = time.monotonic()
        await super().run()

    def look(self) -> tuple[bool, float]:
        return self.turn(timezone.now()), self.delay_s(timezone.now())

    def turn(self, now: datetime) -> bool:
        """Do what is to be done at this time; return whether anything was."""
        plan_again(now)
        runs = run_what_is_due(now)
        gone = end_runs(now)
        if self._should_expire(now):
            self._expired_at = now
            gone += expire_everything(now)
        return bool(runs or gone)

    def _should_expire(self, now: datetime) -> bool:
        if time.monotonic() - self._began_s < EXPIRE_AFTER_START_S:
            return False
        last = self._expired_at
        # Earlier than the last time is a clock that was set back.
        return last is None or now < last or now - last >= EXPIRE_EVERY

    def delay_s(self, now: datetime) -> float:
        """Return how long there is nothing to do, as far as the rows tell."""
        if open_runs().exists():
            return LOOK_EVERY_S_DURING_A_RUN
        enabled = Schedule.objects.filter(enabled=True).exclude(next_run_at=None)
        soonest = enabled.order_by("next_run_at").values_list("next_run_at", flat=True).first()
        if soonest is None:
            return LOOK_EVERY_S
        # One that could not be run is still due: it must not keep the processor busy.
        return min(max((soonest - now).total_seconds(), LOOK_AFTER_S_AT_LEAST), LOOK_EVERY_S)


scheduler = Scheduler()
