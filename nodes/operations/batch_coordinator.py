"""Go on with the batches."""

from __future__ import annotations

from nodes.operations.batch_turn import turn, unended_batches
from nodes.operations.turning import Turning

# A container's turn has come as soon as the one before it has ended.
LOOK_EVERY_S_DURING_A_BATCH = 0.5


class BatchCoordinator(Turning):
    name = "batches"
    # Another process may have started one.
    look_every_s = 2.0

    def look(self) -> tuple[bool, float]:
        changed = turn()
        busy = unended_batches().exists()
        return changed, LOOK_EVERY_S_DURING_A_BATCH if busy else self.look_every_s


batch_coordinator = BatchCoordinator()
