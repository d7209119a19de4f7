"""Run operations in procrastinate's workers: any number of processes, on any machines.

The Operation row is the job here, too. A job of procrastinate only says that a row is to be looked
at; whether this process runs the operation then is decided by the row's claim. So a job that is
lost, or comes twice, changes nothing: every worker looks at the rows itself, too.
"""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress

import procrastinate
from asgiref.sync import sync_to_async
from django.db import close_old_connections, connection, transaction
from django.db.models import Q
from procrastinate.contrib.django.django_connector import DjangoConnector
from procrastinate.exceptions import AlreadyEnqueued
from procrastinate.job_context import AbortReason, JobContext
from procrastinate.jobs import DeleteJobCondition, Job, Status
from procrastinate.psycopg_connector import PsycopgConnector

from nodes.models import Operation, OperationState
from nodes.operations.engine_lock import AnotherEngine, engine_lock
from nodes.operations.last_worker import roll_back_what_is_left
from nodes.operations.operation_tasks import OperationTasks
from nodes.operations.queue import startable
from nodes.operations.runner import recover_operation, run_operation
from nodes.operations.worker import (
    HEARTBEAT_EVERY_S,
    STALE_AFTER_S,
    abandoned,
    say_alive,
    say_gone,
    say_stopping,
    this_worker,
)

logger = logging.getLogger(__name__)
QUEUE = "operations"
LOOK_EVERY_S = 1.0
# Jobs of workers that died are removed that often.
_TIDY_EVERY_S = 30.0
# Where notifications are lost, and where the database was away.
_POLL_EVERY_S = 2.0
_CONNECT_WITHIN_S = 10.0
# As many as may wait in procrastinate's own queue; the rows keep the others.
_MOST_AHEAD = 100
_NAMES = _RUN, _TAKE_UP, _LOOK_AGAIN = "run", "take-up", "look-again"


class ProcrastinateEngine:
    """In a process that only serves, all but ``run``; in a worker, ``run`` too."""

    def __init__(self) -> None:
        self._app = procrastinate.App(connector=DjangoConnector())
        for name, work in (
            (_RUN, self._run_queued),
            (_TAKE_UP, self._take_up),
            (_LOOK_AGAIN, self._look_again),
        ):
            self._app.task(name=name, queue=QUEUE, pass_context=True)(work)
        self._tasks = OperationTasks()
        self._said_at = self._tidied_at = 0.0
        self._stopping = self._is_another_ones = False

    def enqueue(self, operation_id: int) -> None:
        """Have a queued operation run soon; may be called from any thread."""
        self._defer(_RUN, operation_id)

    def recover(self, operation_id: int) -> None:
        """Ask the nodes again about an operation that ended unknown; from any thread."""
        self._defer(_LOOK_AGAIN, operation_id)

    def cancel(self, operation_id: int) -> None:
        """Cancel an operation wherever it runs; may be called from any thread."""
        # Quicker than its heartbeat, which looks at the row.
        manager = self._app.job_manager
        for name in _NAMES:
            mark = _mark(name, operation_id)
            for job in manager.list_jobs(status=Status.DOING.value, queueing_lock=mark):
                if job.id is not None:
                    manager.cancel_job_by_id(job.id, abort=True)

    def _defer(self, name: str, operation_id: int) -> None:
        deferrer = self._app.configure_task(
            name,
            allow_unknown=False,
            queueing_lock=_mark(name, operation_id),
            # The oldest first, however often it had to wait.
            priority=-operation_id,
        )
        # A savepoint: it is no error that it waits already.
        with suppress(AlreadyEnqueued), transaction.atomic():
            deferrer.defer(operation_id=operation_id)

    async def run(self) -> None:
        """Run what is queued and take up what other processes left, until cancelled."""
        params = await sync_to_async(_connection_params)()
        connector = PsycopgConnector(
            kwargs=params, min_size=1, max_size=4, timeout=_CONNECT_WITHIN_S
        )
        app = self._app.with_connector(connector)
        async with app.open_async():
            fetching = asyncio.create_task(self._fetch(app))
            try:
                while True:
                    try:
                        await self._look(app)
                    except AnotherEngine:
                        self._is_another_ones = True
                        raise
                    except Exception:
                        # A database that fails for a moment must not end what is under way.
                        logger.exception("looking for operations")
                    await self._tasks.wait(LOOK_EVERY_S)
            finally:
                await self._stop(fetching)

    async def _fetch(self, app: procrastinate.App) -> None:
        """Take jobs until cancelled; procrastinate's worker ends when its database is away."""
        while not self._stopping:
            try:
                await app.run_worker_async(
                    queues=[QUEUE],
                    name=this_worker(),
                    concurrency=max(self._tasks.free(), 1),
                    fetch_job_polling_interval=_POLL_EVERY_S,
                    abort_job_polling_interval=_POLL_EVERY_S,
                    # The operations go on when their jobs end.
                    shutdown_graceful_timeout=0,
                    update_heartbeat_interval=HEARTBEAT_EVERY_S,
                    stalled_worker_timeout=STALE_AFTER_S,
                    delete_jobs=DeleteJobCondition.ALWAYS,
                    install_signal_handlers=False,
                )
            except Exception:
                # In place of a cancellation, too, where the database is away.
                logger.exception("procrastinate's worker ended")
            if not self._stopping:
                await asyncio.sleep(_POLL_EVERY_S)

    async def _look(self, app: procrastinate.App) -> None:
        await sync_to_async(close_old_connections)()
        await sync_to_async(engine_lock.hold)()
        now = time.monotonic()
        if now - self._said_at >= HEARTBEAT_EVERY_S:
            self._said_at = now
            await sync_to_async(say_alive)()
        await sync_to_async(self._defer_what_waits)()
        if now - self._tidied_at >= _TIDY_EVERY_S:
            self._tidied_at = now
            await _drop_stalled_jobs(app)

    def _defer_what_waits(self) -> None:
        """Defer what nobody would look at otherwise: what found its nodes full, and what was left.

        A job that nobody has taken yet is there already.
        """
        jobs = self._app.job_manager.list_jobs(queue=QUEUE, status=Status.TODO.value)
        waiting = {job.queueing_lock for job in jobs}
        left = Operation.objects.filter(abandoned()).values_list("pk", flat=True)
        wanted = [(_TAKE_UP, key) for key in left]
        wanted += [(_RUN, key) for key in startable(_MOST_AHEAD)]
        for name, operation_id in wanted:
            if _mark(name, operation_id) not in waiting and operation_id not in self._tasks:
                self._defer(name, operation_id)

    async def _run_queued(self, context: JobContext, operation_id: int) -> None:
        await self._carry(context, operation_id, self._tasks.start(operation_id, run_operation))

    async def _take_up(self, context: JobContext, operation_id: int) -> None:
        await self._recover(context, operation_id, abandoned())

    async def _look_again(self, context: JobContext, operation_id: int) -> None:
        await self._recover(context, operation_id, Q(state=OperationState.UNKNOWN))

    async def _recover(self, context: JobContext, operation_id: int, among: Q) -> None:
        async def recover(operation_id: int) -> None:
            await recover_operation(operation_id, among=among)

        await self._carry(
            context, operation_id, self._tasks.start(operation_id, recover, recovering=True)
        )

    async def _carry(
        self, context: JobContext, operation_id: int, task: asyncio.Task[None]
    ) -> None:
        """Hold the job for as long as the operation runs; an abort cancels the operation."""
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.done():
                return
            if context.abort_reason() is not AbortReason.USER_REQUEST:
                # Procrastinate's worker ends, the operation does not.
                raise
            task.cancel()
            await asyncio.wait([task])

    async def _stop(self, fetching: asyncio.Task[None]) -> None:
        """Take no more; hand over what runs to another process, or else roll it back."""
        self._stopping = True
        to_others = self._is_another_ones or await _say_stopping()
        fetching.cancel()
        await asyncio.wait([fetching])
        handed_over = await self._tasks.stop(to_others=to_others)
        with suppress(Exception):
            for operation_id in handed_over:
                # At once, rather than when somebody looks.
                await sync_to_async(self._defer)(_TAKE_UP, operation_id)
        try:
            if not self._is_another_ones:
                await roll_back_what_is_left(self._tasks, is_last=not to_others)
            await sync_to_async(say_gone)()
            await sync_to_async(engine_lock.let_go)()
        except Exception:
            logger.exception("what this worker leaves")


async def _say_stopping() -> bool:
    try:
        return await sync_to_async(say_stopping)()
    except Exception:
        logger.exception("nobody knows whether another worker lives")
        return False


def _mark(name: str, operation_id: int) -> str:
    """Return what a job is found by; of those that wait there is one with the same mark."""
    return f"{name}-{operation_id}"


async def _drop_stalled_jobs(app: procrastinate.App) -> None:
    """Forget the jobs of workers that died: the rows tell what is to be taken up."""
    manager = app.job_manager
    stalled: list[Job] = list(
        await manager.get_stalled_jobs(queue=QUEUE, seconds_since_heartbeat=STALE_AFTER_S)
    )
    for job in stalled:
        await manager.finish_job(job, status=Status.FAILED, delete_job=True)


def _connection_params() -> dict[str, object]:
    """Return how Django connects, for procrastinate's own connections."""
    params: dict[str, object] = connection.get_connection_params()
    return {
        name: value for name, value in params.items() if name not in ("cursor_factory", "context")
    }
