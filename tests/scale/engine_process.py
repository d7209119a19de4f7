"""Run the engine of a worker until SIGTERM, with operations that only wait.

A program: run by test_workers_stop_together.py on a database of its own.
"""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "migrationsite.settings")

import django

django.setup()

from nodes.models import Operation, OperationKind  # noqa: E402
from nodes.operations import last_worker, worker  # noqa: E402
from nodes.operations.archive_jobs import MOST_ATTEMPTS  # noqa: E402
from nodes.operations.engine import engine  # noqa: E402
from nodes.operations.jobs import JOBS, Job  # noqa: E402
from nodes.operations.recover import Interrupted  # noqa: E402
from nodes.operations.row_report import RowReport  # noqa: E402

FOR_EVER_S = 3600.0


async def _run(operation: Operation, report: RowReport) -> dict[str, Any]:
    await asyncio.sleep(FOR_EVER_S)
    return {}


async def _recover(operation: Operation, report: RowReport) -> dict[str, Any]:
    """Go on, or roll back, as migrations decide it."""
    if operation.attempts <= MOST_ATTEMPTS:
        return await _run(operation, report)
    raise Interrupted


async def _main() -> None:
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    running = asyncio.create_task(engine.run())
    await stopped.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


if stale_after := os.environ.get("STALE_AFTER_S"):
    # A test has less time than an operation.
    worker.STALE_AFTER_S = float(stale_after)
    last_worker.SHOWS_ITSELF_WITHIN_S = float(stale_after)
JOBS[OperationKind.MIGRATE] = Job(phases=(), run=_run, recover=_recover, place=lambda _: "")
asyncio.run(_main())
