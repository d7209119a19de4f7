"""Cancel an operation some milliseconds after it has sent a step to its node."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from nodes.operations.remote_step import RemoteStep
from nodes.operations.runner import run_operation


class CancelAfter:
    """Cancel the operation's task so many milliseconds after one of the steps is sent."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, steps: set[str], moment_ms: int) -> None:
        self.task: asyncio.Task[None] | None = None
        self.cancelled_in = ""
        start = RemoteStep.start

        async def start_and_cancel(step: RemoteStep, argv: Sequence[str]) -> int:
            if step.name in steps and not self.cancelled_in:
                self.cancelled_in = step.name
                assert self.task is not None
                asyncio.get_running_loop().call_later(moment_ms / 1000, self.task.cancel)
            return await start(step, argv)

        monkeypatch.setattr(RemoteStep, "start", start_and_cancel)

    async def run(self, operation_id: int) -> None:
        self.task = asyncio.create_task(run_operation(operation_id))
        await asyncio.gather(self.task, return_exceptions=True)
