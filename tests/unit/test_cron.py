"""When a cron expression comes, in which zone, and what cannot be meant."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from nodes.operations.cron import (
    BadCron,
    check_cron,
    in_words,
    latest_time,
    next_time,
    next_times,
)

BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "expression, after, expected",
    [
        ("0 3 * * *", "2026-11-25 02:59:59", "2026-11-25 03:00"),
        ("0 3 * * *", "2026-11-25 03:00", "2026-11-26 03:00"),
        ("*/15 * * * *", "2026-11-25 12:01", "2026-11-25 12:15"),
        ("30 4 * * mon", "2026-11-25 12:00", "2026-11-30 04:30"),
        ("0 0 1 * *", "2026-11-25 12:00", "2026-12-01 00:00"),
        ("0 0 29 2 *", "2026-11-25 12:00", "2028-02-29 00:00"),
    ],
)
def test_the_next_time_is_after_the_given_one(expression: str, after: str, expected: str) -> None:
    assert next_time(expression, at(after), UTC) == at(expected)


def test_times_are_those_of_the_zone() -> None:
    # 03:00 in Berlin is 02:00 UTC in winter and 01:00 in summer.
    assert next_time("0 3 * * *", at("2026-01-10 12:00"), BERLIN) == at("2026-01-11 02:00")
    assert next_time("0 3 * * *", at("2026-07-10 12:00"), BERLIN) == at("2026-07-11 01:00")


def test_a_time_that_the_clocks_skip_comes_when_they_have_been_put_forward() -> None:
    assert next_time("30 2 * * *", at("2026-03-28 12:00"), BERLIN) == at("2026-03-29 01:00")


def test_a_time_that_comes_twice_runs_once() -> None:
    first, second = next_times("30 2 * * *", at("2026-10-24 12:00"), BERLIN, 2)
    assert first == at("2026-10-25 00:30")
    assert second == at("2026-10-26 01:30")
    # In the hour that is repeated, after its first half past two.
    assert next_time("30 2 * * *", at("2026-10-25 01:10"), BERLIN) == second


@pytest.mark.parametrize("start", ["2026-03-28 12:00", "2026-10-24 12:00"])
@pytest.mark.parametrize("expression", ["*/20 * * * *", "15 2 * * *", "0 */2 * * *"])
def test_each_time_is_after_the_one_before_where_clocks_change(expression: str, start: str) -> None:
    time = at(start)
    for _ in range(200):
        following = next_time(expression, time, BERLIN)
        assert following > time
        time = following


@pytest.mark.parametrize(
    "now, latest",
    [
        # In time, late, and late by more than a day.
        ("2026-11-25 03:00", "2026-11-25 03:00"),
        ("2026-11-25 09:00", "2026-11-25 03:00"),
        ("2026-11-28 02:59", "2026-11-27 03:00"),
        ("2026-11-28 03:00", "2026-11-28 03:00"),
    ],
)
def test_of_missed_times_the_latest_is_found(now: str, latest: str) -> None:
    due = at("2026-11-25 03:00")
    assert latest_time("0 3 * * *", due, at(now), UTC) == at(latest)


def test_a_long_absence_is_no_long_search() -> None:
    due, now = at("2006-01-01 00:00"), at("2026-01-01 00:00") + timedelta(seconds=30)
    assert latest_time("* * * * *", due, now, UTC) == at("2026-01-01 00:00")


@pytest.mark.parametrize(
    "expression, complaint",
    [
        ("", "five fields"),
        ("0 3 * *", "five fields"),
        ("0 0 3 * * *", "five fields"),
        ("@daily", "five fields"),
        ("61 * * * *", "bad minute"),
        ("0 25 * * *", "bad hour"),
        ("0 0 30 2 *", "bad day-of-month"),
        ("a b c d e", "bad minute"),
        ("0 " * 60, "at most"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_the_reason(expression: str, complaint: str) -> None:
    with pytest.raises(BadCron) as refused:
        check_cron(expression)
    assert complaint in str(refused.value)


@pytest.mark.parametrize("expression", ["0 3 * * *", "*/5 0-6 1,15 jan-mar mon#1", "0 0 L * *"])
def test_what_cron_knows_is_taken(expression: str) -> None:
    check_cron(expression)


def test_an_expression_is_said_in_words() -> None:
    assert in_words("0 3 * * *") == "At 03:00 every day"
    assert in_words("30 2,14 * * 1-5") == "At 02:30 and 14:30 on Monday through Friday"
