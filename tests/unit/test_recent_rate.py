"""The rate that is shown is that of the last seconds."""

from __future__ import annotations

import pytest

from nodes.operations.recent_rate import RecentRate


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr("nodes.operations.recent_rate.time.monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def noted(clock: Clock, *marks: tuple[float, int]) -> RecentRate:
    rate = RecentRate()
    for at, done_bytes in marks:
        clock.now = at
        rate.note(done_bytes)
    return rate


def test_one_figure_is_no_rate(clock: Clock) -> None:
    assert noted(clock, (100, 5)).bytes_per_s is None


def test_what_was_long_ago_does_not_count(clock: Clock) -> None:
    assert (
        noted(clock, (100, 0), (101, 1_000_000), (110, 1_000_100), (112, 1_000_300)).bytes_per_s
        == 100
    )


def test_a_rate_that_nothing_has_confirmed_for_seconds_is_none(clock: Clock) -> None:
    rate = noted(clock, (100, 0), (101, 10))
    clock.now = 107
    assert rate.bytes_per_s is None


def test_what_begins_anew_has_no_rate(clock: Clock) -> None:
    rate = noted(clock, (100, 0), (101, 10))
    rate.forget()
    assert rate.bytes_per_s is None
