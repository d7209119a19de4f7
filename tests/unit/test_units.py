"""Sizes, times and rates are written as people read them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from nodes.templatetags import units


@pytest.mark.parametrize(
    "value, text",
    [
        (None, "–"),
        ("", "–"),
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (64 * 1024**2, "64.0 MiB"),
        (1536 * 1024**2, "1.5 GiB"),
        (2048 * 1024**3, "2.0 TiB"),
        (5000 * 1024**4, "5000.0 TiB"),
        ("2048", "2.0 KiB"),
    ],
)
def test_sizes_are_in_binary_units(value: float | str | None, text: str) -> None:
    assert units.bytes_text(value) == text


@pytest.mark.parametrize(
    "value, text",
    [
        (None, "–"),
        (0, "0.00 s"),
        (0.312, "0.31 s"),
        (12.44, "12.4 s"),
        (60, "1 min 0 s"),
        (200, "3 min 20 s"),
        (3600, "1 h 0 min"),
        (7384, "2 h 3 min"),
    ],
)
def test_durations_are_as_exact_as_they_matter(value: float | None, text: str) -> None:
    assert units.seconds_text(value) == text


@pytest.mark.parametrize(
    "age, text",
    [
        (timedelta(seconds=-5), "0 s ago"),
        (timedelta(seconds=59), "59 s ago"),
        (timedelta(minutes=3, seconds=30), "3 min ago"),
        (timedelta(hours=5), "5 h ago"),
        (timedelta(days=40), "40 d ago"),
    ],
)
def test_ages_are_rounded_down_and_never_in_the_future(age: timedelta, text: str) -> None:
    assert units.ago(timezone.now() - age) == text


def test_no_time_is_never() -> None:
    assert units.ago(None) == "never"


STARTED = "2026-11-24T03:00:00+00:00"
HALF_WAY: dict[str, Any] = {"started_at": STARTED, "bytes": 100, "total": 400}


def test_an_ended_phase_has_its_rate_and_nothing_left() -> None:
    ended = {**HALF_WAY, "ended_at": "2026-11-24T03:00:10+00:00"}
    assert units.phase_seconds(ended) == 10
    assert units.phase_rate(ended) == 10
    assert units.phase_eta(ended) is None


def moving(**values: Any) -> dict[str, Any]:
    """Return a phase whose bytes have just been moving at 10 a second."""
    now = timezone.now().isoformat()
    return {**HALF_WAY, "ended_at": None, "rate": 10.0, "moved_at": now, **values}


def test_a_phase_under_way_tells_how_long_it_will_still_take_at_the_present_rate() -> None:
    assert units.phase_eta(moving()) == 30


def test_more_bytes_than_expected_leave_nothing_to_wait_for() -> None:
    assert units.phase_eta(moving(bytes=500)) == 0


def test_a_rate_that_nothing_has_confirmed_for_some_seconds_is_not_shown() -> None:
    stale = moving(moved_at=(timezone.now() - timedelta(seconds=6)).isoformat())
    assert (units.phase_rate(stale), units.phase_eta(stale)) == (None, None)


@pytest.mark.parametrize(
    "seconds, text",
    [
        (0, "a few seconds left"),
        (38.2, "about 40 s left"),
        (58, "about 1 min left"),
        (200, "about 3 min left"),
        (3700, "about 1 h 2 min left"),
    ],
)
def test_an_estimate_is_no_more_exact_than_it_is(seconds: float, text: str) -> None:
    assert units.left_text(seconds) == text


@pytest.mark.parametrize(
    "phase",
    [
        {"started_at": None, "ended_at": None},
        {"started_at": STARTED, "ended_at": None, "bytes": 0, "total": 400},
        {"started_at": STARTED, "ended_at": None, "bytes": 100, "total": 400, "rate": None},
        {"started_at": STARTED, "ended_at": None, "bytes": 100, "total": None, "rate": 10.0},
        {"started_at": STARTED, "ended_at": STARTED, "bytes": 100, "total": 400},
    ],
)
def test_what_cannot_be_known_yet_is_not_guessed(phase: dict[str, Any]) -> None:
    assert units.phase_eta(phase) is None


def test_an_option_is_spelled_as_podmans() -> None:
    assert units.spaced("tcp_established") == "--tcp-established"
