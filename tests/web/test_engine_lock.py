"""An engine whose database has become another one's leaves everything as it is."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from nodes.models import Operation, OperationKind, OperationState
from nodes.operations.engine import EmbeddedEngine
from nodes.operations.engine_lock import AnotherEngine, engine_lock
from nodes.operations.jobs import JOBS, Job
from nodes.operations.row_report import RowReport

pytestmark = pytest.mark.django_db(transaction=True)


async def _for_ever(operation: Operation, report: RowReport) -> dict[str, Any]:
    await asyncio.Event().wait()
    return {}


async def test_what_runs_is_left_to_the_other_one(monkeypatch: pytest.MonkeyPatch) -> None:
    job = Job(phases=(), run=_for_ever, recover=_for_ever, place=lambda _: "")
    monkeypatch.setitem(JOBS, OperationKind.MIGRATE, job)
    operation = await Operation.objects.acreate(kind=OperationKind.MIGRATE)
    engine = EmbeddedEngine()
    running = asyncio.create_task(engine.run())
    async with asyncio.timeout(20):
        while operation.state != OperationState.RUNNING:
            await asyncio.sleep(0.05)
            await operation.arefresh_from_db()

        def taken() -> None:
            raise AnotherEngine

        monkeypatch.setattr(engine_lock, "hold", taken)
        with pytest.raises(AnotherEngine):
            await running
    await operation.arefresh_from_db()
    assert (operation.state, operation.worker) == (OperationState.RUNNING, "")
