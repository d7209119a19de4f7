"""What one container has used in the last two minutes."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from nodes.podman.stats import Measured

KEEP_SAMPLES = 60
# A container of which nothing was heard for so long does not run any more.
FRESH_S = 10.0


@dataclass(frozen=True, kw_only=True)
class Sample:
    """None: the kernel of the node does not count that."""

    cpu_percent: float | None
    memory_bytes: int | None


@dataclass
class UsageHistory:
    clock: Callable[[], float] = time.monotonic
    samples: deque[Sample] = field(default_factory=lambda: deque(maxlen=KEEP_SAMPLES))
    memory_limit_bytes: int = 0
    _former: Measured | None = None
    _heard_at: float = 0.0

    def add(self, now: Measured) -> None:
        """Keep what was used since the last time; of the first there is none."""
        former, self._former = self._former, now
        self._heard_at = self.clock()
        self.memory_limit_bytes = now.memory_limit_bytes
        # It was started anew, or the node's clock was set back.
        if former is None or now.cpu_ns < former.cpu_ns or now.clock_ns <= former.clock_ns:
            return
        used = 100 * (now.cpu_ns - former.cpu_ns) / (now.clock_ns - former.clock_ns)
        self.samples.append(
            Sample(
                # Without the controllers the kernel tells 0, and nothing that runs uses nothing.
                cpu_percent=used if now.cpu_ns else None,
                memory_bytes=now.memory_bytes or None,
            )
        )

    @property
    def is_fresh(self) -> bool:
        return self._former is not None and self.clock() - self._heard_at < FRESH_S
