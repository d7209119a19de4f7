"""Which archives stay under which rules, and what never goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.catalog.retention import Candidate, KeepRules, judge

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
MIB = 1024**2


def archive(key: int, ago: timedelta = timedelta(0), **values: object) -> Candidate:
    defaults = {
        "container": "counter",
        "container_name": "counter",
        "created_at": NOW - ago,
        "size_bytes": MIB,
    }
    return Candidate(key=key, **{**defaults, **values})  # type: ignore[arg-type]


def hourly(count: int, **values: object) -> list[Candidate]:
    """Return one archive for each of the last hours, key 0 the newest."""
    return [archive(hours, timedelta(hours=hours), **values) for hours in range(count)]


def kept(archives: Sequence[Candidate], **rules: int) -> list[int]:
    verdicts = judge(archives, KeepRules(**rules), now=NOW)
    return sorted(key for key, verdict in verdicts.items() if verdict.keep)


def reason(archives: Sequence[Candidate], key: int, **rules: int) -> str:
    return judge(archives, KeepRules(**rules), now=NOW)[key].reason


def test_without_rules_everything_stays() -> None:
    assert kept(hourly(100)) == list(range(100))


def test_the_last_ones_stay() -> None:
    assert kept(hourly(10), keep_last=3) == [0, 1, 2]


def test_each_container_is_counted_by_itself() -> None:
    others = [replace(each, key=each.key + 100, container="web") for each in hourly(5)]
    assert kept([*hourly(5), *others], keep_last=2) == [0, 1, 100, 101]


def test_of_each_hour_the_newest_stays() -> None:
    # 12:00, 11:45, 11:30, 11:15, 11:00, 10:45 …
    quarters = [archive(n, timedelta(minutes=15 * n)) for n in range(12)]
    assert kept(quarters, keep_hourly=3) == [0, 1, 5]


def test_of_each_day_the_newest_stays() -> None:
    # 12 hours of today and the eve of each day before.
    assert kept(hourly(72), keep_daily=3) == [0, 13, 37]


def test_of_each_week_the_newest_stays() -> None:
    # 2026-11-25 is a Wednesday: Sunday the 22nd is three days ago.
    daily = [archive(days, timedelta(days=days)) for days in range(30)]
    assert kept(daily, keep_weekly=3) == [0, 3, 10]


def test_days_without_an_archive_are_not_counted() -> None:
    daily = [archive(days, timedelta(days=days)) for days in (0, 1, 20, 40, 41)]
    assert kept(daily, keep_daily=3) == [0, 1, 20]


def test_a_coarser_rule_adds_to_what_a_finer_one_keeps() -> None:
    # Hours 0 and 1 are the last; the hourly ones are 2 and 3, for 0 and 1 have theirs; today has
    # one, so that the daily ones are yesterday's and that of the day before.
    assert kept(hourly(72), keep_last=2, keep_hourly=2, keep_daily=2) == [0, 1, 2, 3, 13, 37]


def test_days_are_those_of_the_time_zone() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    # 22:30 and 23:30 UTC are two days in Berlin and one in Greenwich.
    late = [
        archive(0, created_at=datetime(2026, 11, 24, 23, 30, tzinfo=UTC)),
        archive(1, created_at=datetime(2026, 11, 24, 22, 30, tzinfo=UTC)),
    ]
    there = [replace(each, created_at=each.created_at.astimezone(berlin)) for each in late]
    assert kept(late, keep_daily=2) == [0]
    assert kept(there, keep_daily=2) == [0, 1]


def test_the_hour_that_comes_twice_is_two_hours() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    twice = [
        archive(0, created_at=datetime(2026, 10, 25, 1, 30, tzinfo=UTC).astimezone(berlin)),
        archive(1, created_at=datetime(2026, 10, 25, 0, 30, tzinfo=UTC).astimezone(berlin)),
    ]
    assert [each.created_at.hour for each in twice] == [2, 2]
    assert kept(twice, keep_hourly=2) == [0, 1]


def test_the_newest_is_so_by_the_sun_where_clocks_go_back() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    ten_past_two_again = datetime(2026, 10, 25, 1, 10, tzinfo=UTC).astimezone(berlin)
    ten_to_three = datetime(2026, 10, 25, 0, 50, tzinfo=UTC).astimezone(berlin)
    twice = [archive(0, created_at=ten_to_three), archive(1, created_at=ten_past_two_again)]
    assert kept(twice, keep_last=1) == [1]


def test_what_is_too_old_goes_although_a_rule_would_keep_it() -> None:
    archives = [archive(0, timedelta(days=1)), archive(1, timedelta(days=8))]
    assert kept(archives, keep_last=5, max_age_days=7) == [0]
    assert reason(archives, 1, keep_last=5, max_age_days=7) == "It is older than 7 days."


def test_an_age_alone_lets_nothing_younger_go() -> None:
    assert kept(hourly(30), max_age_days=1) == list(range(25))


def test_over_the_total_the_oldest_go() -> None:
    assert kept(hourly(10), max_total_bytes=3 * MIB) == [0, 1, 2]
    assert "over 3.0 MiB" in reason(hourly(10), 9, max_total_bytes=3 * MIB)


def test_the_total_is_over_all_containers() -> None:
    others = [replace(each, key=each.key + 100, container="web") for each in hourly(5)]
    assert kept([*hourly(5), *others], max_total_bytes=4 * MIB) == [0, 1, 100, 101]


def test_pinned_archives_count_towards_the_total_and_stay() -> None:
    archives = [archive(0), archive(1, timedelta(days=1)), archive(2, timedelta(9), pinned=True)]
    assert kept(archives, max_total_bytes=2 * MIB) == [0, 2]


def test_pinned_archives_take_no_place_of_the_last() -> None:
    archives = hourly(4)
    archives[0] = replace(archives[0], pinned=True)
    assert kept(archives, keep_last=2) == [0, 1, 2]


def test_an_archive_that_an_operation_needs_stays() -> None:
    archives = [archive(0), archive(1, timedelta(hours=1), needed=True)]
    assert kept(archives, keep_last=1) == [0, 1]
    assert reason(archives, 1, keep_last=1) == "An operation needs it."


@pytest.mark.parametrize("rules", [{"max_age_days": 1}, {"max_total_bytes": 1}])
def test_the_last_copy_of_a_container_that_is_gone_stays(rules: dict[str, int]) -> None:
    archives = [
        archive(0, timedelta(days=9), last_copy=True),
        archive(1, timedelta(days=10)),
    ]
    assert kept(archives, **rules) == [0]
    assert "last copy of counter" in reason(archives, 0, **rules)


def test_an_archive_without_its_file_neither_goes_nor_counts() -> None:
    archives = hourly(3)
    archives[0] = replace(archives[0], defect="Its file is not on the catalog's disk.")
    assert kept(archives, keep_last=1) == [0, 1]
    assert "look at it first" in reason(archives, 0, keep_last=1)


RULES = st.builds(
    KeepRules,
    keep_last=st.none() | st.integers(1, 6),
    keep_hourly=st.none() | st.integers(1, 6),
    keep_daily=st.none() | st.integers(1, 6),
    keep_weekly=st.none() | st.integers(1, 6),
    max_age_days=st.none() | st.integers(1, 40),
    max_total_bytes=st.none() | st.integers(1, 2_000),
)
CATALOGS = st.lists(
    st.builds(
        Candidate,
        key=st.integers(0, 10_000),
        container=st.sampled_from(["a", "b", "c"]),
        container_name=st.just("x"),
        created_at=st.integers(0, 40 * 24 * 60).map(lambda ago: NOW - timedelta(minutes=ago)),
        size_bytes=st.integers(0, 200),
        pinned=st.booleans(),
        needed=st.booleans(),
        last_copy=st.booleans(),
        defect=st.sampled_from(["", "", "", "Broken."]),
    ),
    max_size=40,
    unique_by=lambda each: each.key,
)


def split(
    archives: Sequence[Candidate], rules: KeepRules
) -> tuple[list[Candidate], list[Candidate]]:
    verdicts = judge(archives, rules, now=NOW)
    assert sorted(verdicts) == sorted(each.key for each in archives)
    assert all(verdict.reason for verdict in verdicts.values())
    stay = [each for each in archives if verdicts[each.key].keep]
    return stay, [each for each in archives if not verdicts[each.key].keep]


@given(CATALOGS, RULES)
def test_nothing_that_is_protected_ever_goes(archives: list[Candidate], rules: KeepRules) -> None:
    _, go = split(archives, rules)
    assert not [each for each in go if each.pinned or each.needed or each.last_copy or each.defect]


@given(CATALOGS, RULES)
def test_applied_twice_nothing_more_goes(archives: list[Candidate], rules: KeepRules) -> None:
    stay, _ = split(archives, rules)
    assert split(stay, rules) == (stay, [])


@given(CATALOGS, RULES)
def test_the_total_is_kept_unless_only_protected_ones_are_left(
    archives: list[Candidate], rules: KeepRules
) -> None:
    stay, _ = split(archives, rules)
    if rules.max_total_bytes and sum(each.size_bytes for each in stay) > rules.max_total_bytes:
        assert all(each.protection for each in stay)


@given(CATALOGS, st.integers(1, 50))
def test_exactly_as_many_of_the_last_stay_as_there_are_or_as_are_asked_for(
    archives: list[Candidate], count: int
) -> None:
    plain = [
        replace(each, pinned=False, needed=False, last_copy=False, defect="") for each in archives
    ]
    stay, _ = split(plain, KeepRules(keep_last=count))
    for container in {each.container for each in plain}:
        there = sum(each.container == container for each in plain)
        left = [each for each in stay if each.container == container]
        assert len(left) == min(count, there)


@given(CATALOGS, RULES)
def test_the_newest_stays_where_a_keep_rule_is_all_there_is(
    archives: list[Candidate], rules: KeepRules
) -> None:
    only_keeps = replace(rules, max_age_days=None, max_total_bytes=None)
    stay, _ = split(archives, only_keeps)
    good = [each for each in archives if not each.pinned and not each.defect]
    for container in {each.container for each in good}:
        newest = max(
            (each for each in good if each.container == container),
            key=lambda each: (each.created_at, each.key),
        )
        assert newest in stay


def test_the_newest_one_does_not_go_for_its_age() -> None:
    archives = [archive(0, timedelta(days=30), newest=True), archive(1, timedelta(days=40))]
    assert kept(archives, max_age_days=7) == [0]
    assert "there is no newer one of counter" in reason(archives, 0, max_age_days=7)


def test_the_newest_one_may_go_for_the_size_of_all() -> None:
    archives = [archive(0, timedelta(days=30), newest=True, size_bytes=9 * MIB)]
    assert kept(archives, max_age_days=7, max_total_bytes=MIB) == []
