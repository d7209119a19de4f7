"""What must not stop half-way is finished, although the task around it is being cancelled."""

from __future__ import annotations

import asyncio

import pytest

from nodes.uninterrupted import uninterrupted


async def test_it_returns_the_result() -> None:
    assert await uninterrupted(asyncio.sleep(0, "done")) == "done"


async def test_work_goes_on_to_its_end_however_often_it_is_cancelled() -> None:
    release = asyncio.Event()
    steps: list[str] = []

    async def work() -> str:
        steps.append("begun")
        await release.wait()
        steps.append("ended")
        return "done"

    task = asyncio.create_task(uninterrupted(work()))
    for _ in range(3):
        await asyncio.sleep(0)
        task.cancel()
    await asyncio.sleep(0)
    assert steps == ["begun"]
    assert not task.done()
    release.set()
    assert await task == "done"
    assert steps == ["begun", "ended"]
    assert not task.cancelled()


async def test_a_cancelled_task_can_still_wait_for_something_afterwards() -> None:
    release = asyncio.Event()

    async def rollback() -> str:
        await uninterrupted(release.wait())
        await asyncio.sleep(0)
        async with asyncio.timeout(5):
            await asyncio.sleep(0)
        return "rolled back"

    task = asyncio.create_task(rollback())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0)
    release.set()
    assert await task == "rolled back"
    assert task.cancelling() == 0


async def test_a_failure_of_the_work_comes_through_after_a_cancellation() -> None:
    release = asyncio.Event()

    async def work() -> None:
        await release.wait()
        raise ValueError("the disk is full")

    task = asyncio.create_task(uninterrupted(work()))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0)
    release.set()
    with pytest.raises(ValueError, match="the disk is full"):
        await task


async def test_work_that_cancels_itself_is_cancelled() -> None:
    async def work() -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await uninterrupted(work())
