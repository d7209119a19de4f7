"""What is done under a lease is done by one process at a time, and goes on in another one."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta

import pytest
from django.db.models.functions import Now

from nodes.models import Lease
from nodes.operations import lease as lease_module
from nodes.operations.lease import under_lease


class Work:
    """Something that runs until it is cancelled."""

    def __init__(self) -> None:
        self.running = 0
        self.begun = 0

    async def __call__(self) -> None:
        self.running += 1
        self.begun += 1
        try:
            await asyncio.Event().wait()
        finally:
            self.running -= 1


async def until(work: Work, running: int) -> None:
    async with asyncio.timeout(10):
        while work.running != running:
            await asyncio.sleep(0.01)


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(lease_module, "RENEW_EVERY_S", 0.05)
    monkeypatch.setattr(lease_module, "GIVE_UP_AFTER_S", 0.3)
    return


@pytest.mark.django_db
def test_one_holder_at_a_time() -> None:
    assert Lease.take("fleet", "first", 10)
    assert not Lease.take("fleet", "second", 10)
    assert Lease.take("fleet", "first", 10)
    Lease.give_back("fleet", "second")
    assert not Lease.take("fleet", "second", 10)
    Lease.give_back("fleet", "first")
    assert Lease.take("fleet", "second", 10)


@pytest.mark.django_db
def test_an_expired_lease_is_anybodys() -> None:
    assert Lease.take("fleet", "killed", 10)
    Lease.objects.update(expires_at=Now() - timedelta(seconds=1))
    assert Lease.take("fleet", "heir", 10)
    assert not Lease.take("fleet", "killed", 10)


@pytest.mark.django_db(transaction=True)
async def test_work_begins_with_the_lease_and_ends_with_it() -> None:
    work = Work()
    await Lease.objects.acreate(name="fleet", holder="other", expires_at=Now())
    holding = asyncio.create_task(under_lease("fleet", work))
    await until(work, running=1)
    # As when this process was thought dead.
    await Lease.objects.aupdate(holder="other", expires_at=Now() + timedelta(hours=1))
    await until(work, running=0)
    await Lease.objects.aupdate(expires_at=Now() - timedelta(seconds=1))
    await until(work, running=1)

    holding.cancel()
    with suppress(asyncio.CancelledError):
        await holding

    assert (work.running, work.begun) == (0, 2)
    assert not await Lease.objects.aexists()


@pytest.mark.django_db(transaction=True)
async def test_work_stops_in_time_when_the_database_does_not_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    work = Work()
    holding = asyncio.create_task(under_lease("fleet", work))
    await until(work, running=1)

    def away(*args: object) -> bool:
        raise OSError("the database is away")

    monkeypatch.setattr(Lease, "take", away)
    await until(work, running=0)
    monkeypatch.undo()
    await until(work, running=1)

    holding.cancel()
    await asyncio.wait([holding])
    assert work.running == 0


@pytest.mark.django_db(transaction=True)
async def test_work_stops_in_time_when_the_database_answers_late_and_then_not_at_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lease_module, "RENEW_EVERY_S", 1.0)
    monkeypatch.setattr(lease_module, "GIVE_UP_AFTER_S", 1.5)
    hanging = threading.Event()
    answers = iter([0.9])

    def take(*args: object) -> bool:
        hanging.wait(next(answers, 30))
        return True

    monkeypatch.setattr(Lease, "take", take)
    work = Work()
    asked_at = time.monotonic()
    holding = asyncio.create_task(under_lease("fleet", work))
    await until(work, running=1)
    await until(work, running=0)
    # The next look of the one who asks would come after 2.9 s.
    assert time.monotonic() - asked_at < 2.4

    hanging.set()
    holding.cancel()
    await asyncio.wait([holding])


@pytest.mark.django_db(transaction=True)
async def test_an_answer_that_comes_too_late_begins_no_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = 0

    def take(*args: object) -> bool:
        nonlocal asked
        asked += 1
        if asked == 1:
            time.sleep(0.5)
        return asked == 1

    monkeypatch.setattr(Lease, "take", take)
    work = Work()
    holding = asyncio.create_task(under_lease("fleet", work))
    async with asyncio.timeout(10):
        while asked < 3:
            await asyncio.sleep(0.01)
    holding.cancel()
    await asyncio.wait([holding])
    assert work.begun == 0
