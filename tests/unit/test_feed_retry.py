"""A stream that was cut is asked for again, ever less often while it does not last."""

from __future__ import annotations

from nodes.feeds.retry import Retry


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_tries_that_fail_at_once_come_ever_less_often() -> None:
    retry = Retry(1.0, 15.0, Clock())
    delays = []
    for _ in range(6):
        retry.begin()
        delays.append(retry.next_delay_s())
    assert delays == [1.0, 2.0, 4.0, 8.0, 15.0, 15.0]


def test_after_one_that_lasted_the_next_comes_soon() -> None:
    clock = Clock()
    retry = Retry(1.0, 15.0, clock)
    for _ in range(6):
        retry.begin()
        retry.next_delay_s()
    retry.begin()
    clock.now += 3600
    assert retry.next_delay_s() == 1.0
    retry.begin()
    assert retry.next_delay_s() == 2.0
