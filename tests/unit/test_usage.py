"""What a container uses: read from Podman's figures, kept for two minutes, drawn."""

from __future__ import annotations

import json

import pytest

from nodes.feeds.sparkline import HEIGHT, WIDTH, sparkline
from nodes.feeds.usage_history import FRESH_S, KEEP_SAMPLES, Sample, UsageHistory
from nodes.podman.stats import Measured, parse_measured

# Podman 5.8.6 on a kernel that counts no memory.
RECORDED = (
    '{"AvgCPU":1.951413072850167,"ContainerID":"3aa7f2e4b851","Name":"counter","PerCPU":null,'
    '"CPU":1.951413072850167,"CPUNano":101213000,"CPUSystemNano":44005,'
    '"SystemNano":1795951731075870334,"MemUsage":0,"MemLimit":25276059648,"MemPerc":0,'
    '"Network":{"eth0":{"RxBytes":1330}},"BlockInput":0,"BlockOutput":0,"PIDs":0,'
    '"UpTime":101213000,"Duration":101213000}'
)
SECOND_NS = 1_000_000_000


def measured(cpu_ns: int, clock_ns: int, memory_bytes: int = 1) -> Measured:
    return Measured(
        podman_id="a",
        cpu_ns=cpu_ns,
        clock_ns=clock_ns,
        memory_bytes=memory_bytes,
        memory_limit_bytes=0,
    )


def test_a_line_of_podman_stats_is_read() -> None:
    assert parse_measured(f"\x1b[H{RECORDED}") == Measured(
        podman_id="3aa7f2e4b851",
        cpu_ns=101213000,
        clock_ns=1795951731075870334,
        memory_bytes=0,
        memory_limit_bytes=25276059648,
    )


@pytest.mark.parametrize(
    "line",
    [
        "",
        "Error: no such container",
        "{",
        "[]",
        "{}",
        json.dumps({**json.loads(RECORDED), "CPUNano": "many"}),
        json.dumps({**json.loads(RECORDED), "CPUNano": -1}),
        json.dumps({**json.loads(RECORDED), "MemUsage": 2**80}),
        '{"ContainerID": ' + "[" * 100_000,
    ],
)
def test_what_is_no_figure_is_passed_over(line: str) -> None:
    assert parse_measured(line) is None


def test_usage_is_what_was_added_since_the_last_time() -> None:
    history = UsageHistory()
    history.add(measured(5 * SECOND_NS, 100 * SECOND_NS))
    assert not history.samples
    history.add(measured(6 * SECOND_NS, 102 * SECOND_NS, 4096))
    assert list(history.samples) == [Sample(cpu_percent=50.0, memory_bytes=4096)]


def test_a_container_that_was_started_anew_gives_no_figure_below_nothing() -> None:
    history = UsageHistory()
    history.add(measured(5 * SECOND_NS, 100 * SECOND_NS))
    history.add(measured(0, 102 * SECOND_NS))
    assert not history.samples


def test_what_the_kernel_does_not_count_is_none_and_not_nothing() -> None:
    history = UsageHistory()
    history.add(measured(0, 100 * SECOND_NS, 0))
    history.add(measured(0, 102 * SECOND_NS, 0))
    assert list(history.samples) == [Sample(cpu_percent=None, memory_bytes=None)]


def test_only_the_last_two_minutes_are_kept() -> None:
    history = UsageHistory()
    for second in range(1000):
        history.add(measured(second, second * SECOND_NS))
    assert len(history.samples) == KEEP_SAMPLES


def test_a_container_of_which_nothing_is_heard_does_not_run() -> None:
    now = [100.0]
    history = UsageHistory(clock=lambda: now[0])
    assert not history.is_fresh
    history.add(measured(1, 1))
    assert history.is_fresh
    now[0] += FRESH_S
    assert not history.is_fresh


def test_the_newest_sample_is_at_the_right_and_the_greatest_at_the_top() -> None:
    drawn = sparkline([0.0, 10.0, 5.0], least_scale=1.0)
    assert drawn is not None
    points = [tuple(map(float, point.split(","))) for point in drawn.line.split()]
    assert points[-1][0] == WIDTH
    assert [y for _, y in points] == [HEIGHT - 1.5, 1.5, HEIGHT / 2]
    assert (drawn.now, drawn.most) == (5.0, 10.0)


def test_a_little_is_drawn_as_little() -> None:
    drawn = sparkline([0.1, 0.1], least_scale=5.0)
    assert drawn is not None
    assert all(float(point.split(",")[1]) > HEIGHT - 3 for point in drawn.line.split())


@pytest.mark.parametrize("values", [[], [None], [1.0, None]])
def test_nothing_is_drawn_of_what_is_not_counted(values: list[float | None]) -> None:
    assert sparkline(values, least_scale=1.0) is None
