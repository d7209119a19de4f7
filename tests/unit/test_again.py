"""What loses its connection is tried again with growing pauses, and not for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from nodes.operations import again
from nodes.operations.again import again_when_lost
from nodes.operations.patience import PATIENCE
from nodes.ssh.errors import NodeUnreachable


class Clock:
    """Time that passes only when somebody sleeps or works."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.pauses_s: list[float] = []

    def time(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.pauses_s.append(seconds)
        self.now_s += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    clock = Clock()
    with monkeypatch.context() as patched:
        patched.setattr(again.asyncio, "get_running_loop", lambda: clock)
        patched.setattr(again.asyncio, "sleep", clock.sleep)
        yield clock


class Link:
    """Lose the connection so many times, each after so many seconds."""

    def __init__(self, clock: Clock, losses: int, *, each_s: float = 0.0) -> None:
        self.clock = clock
        self.losses = losses
        self.each_s = each_s
        self.moved = 0

    async def work(self) -> str:
        self.clock.now_s += self.each_s
        if self.losses == 0:
            return "done"
        self.losses -= 1
        raise NodeUnreachable("birch", "127.0.0.1", 22, "the connection was lost")


async def test_the_pauses_grow_up_to_a_bound_and_differ(clock: Clock) -> None:
    assert await again_when_lost(Link(clock, losses=6).work) == "done"
    bounds = [0.5, 1.0, 2.0, 4.0, 5.0, 5.0]
    assert all(
        bound / 2 <= pause <= bound for pause, bound in zip(clock.pauses_s, bounds, strict=True)
    )
    assert len(set(clock.pauses_s)) == 6


async def test_one_loss_is_given_up_after_as_long_as_it_may_last(clock: Clock) -> None:
    with pytest.raises(NodeUnreachable):
        await again_when_lost(Link(clock, losses=1000).work)
    assert clock.now_s == pytest.approx(PATIENCE.lost_for_s)


async def test_a_host_on_which_each_attempt_to_connect_times_out_is_given_up(clock: Clock) -> None:
    with pytest.raises(NodeUnreachable):
        await again_when_lost(Link(clock, losses=1000, each_s=10.0).work)
    assert clock.now_s < 60


async def test_a_link_that_breaks_each_quarter_of_a_minute_is_not_given_up(clock: Clock) -> None:
    assert await again_when_lost(Link(clock, losses=20, each_s=again.HELD_S + 1).work) == "done"


async def test_a_link_that_moves_bytes_before_it_breaks_is_not_given_up(clock: Clock) -> None:
    link = Link(clock, losses=20, each_s=3.0)

    async def work() -> str:
        link.moved += 1
        return await link.work()

    assert await again_when_lost(work, moved=lambda: link.moved) == "done"


async def test_each_loss_is_told_with_the_time_until_the_next_attempt(clock: Clock) -> None:
    heard: list[tuple[str, float]] = []

    async def told(lost: NodeUnreachable, wait_s: float) -> None:
        heard.append((lost.problem.cause, wait_s))

    await again_when_lost(Link(clock, losses=2).work, told=told)
    assert heard == [("the connection was lost", pause) for pause in clock.pauses_s]


async def test_what_is_not_a_lost_connection_is_not_tried_again() -> None:
    async def fail() -> None:
        raise ValueError("no connection")

    async with asyncio.timeout(1):
        with pytest.raises(ValueError, match="no connection"):
            await again_when_lost(fail)
