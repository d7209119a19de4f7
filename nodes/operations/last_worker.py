"""The last worker to stop rolls back what nobody would go on with until the next start."""

from __future__ import annotations

import asyncio
import time

from asgiref.sync import sync_to_async

from nodes.models import Operation, OperationState
from nodes.operations.archive_jobs import MOST_ATTEMPTS
from nodes.operations.operation_tasks import OperationTasks
from nodes.operations.runner import recover_operation
from nodes.operations.worker import HEARTBEAT_EVERY_S, STALE_AFTER_S, abandoned, others_go_on

# One that was killed a moment ago seems to live, but says so no more.
SHOWS_ITSELF_WITHIN_S = 4 * HEARTBEAT_EVERY_S
# What a killed one ran may be taken up by then.
_WAIT_S = STALE_AFTER_S + HEARTBEAT_EVERY_S
_LOOK_EVERY_S = 0.25


async def roll_back_what_is_left(tasks: OperationTasks, *, is_last: bool) -> None:
    """Take up what other workers have left and roll it back, unless one of them goes on.

    One that is not the last, as far as it knows, gives the others time to show that they live.
    """
    began = time.monotonic()
    try:
        while time.monotonic() - began < _WAIT_S and await _anything_runs():
            if await sync_to_async(others_go_on)():
                return
            if is_last or time.monotonic() - began > SHOWS_ITSELF_WITHIN_S:
                for operation_id in await sync_to_async(_left_for_good)(tasks.free()):
                    tasks.start(operation_id, _take_up, recovering=True)
            await asyncio.sleep(_LOOK_EVERY_S)
    finally:
        await tasks.stop(to_others=False)


async def _anything_runs() -> bool:
    return await Operation.objects.filter(state=OperationState.RUNNING).aexists()


async def _take_up(operation_id: int) -> None:
    await recover_operation(operation_id, among=abandoned())


def _left_for_good(limit: int) -> list[int]:
    left = Operation.objects.filter(abandoned())
    keys = list(left.order_by("pk").values_list("pk", flat=True)[:limit])
    # As one that was tried often enough: it is taken back, and not gone on with.
    left.filter(pk__in=keys, attempts__lt=MOST_ATTEMPTS).update(attempts=MOST_ATTEMPTS)
    return keys
