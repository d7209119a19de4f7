"""What an operation's page draws and offers comes from its phases and its error."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from nodes.finding import error, ok, warning
from nodes.models import Operation, OperationKind, OperationState
from nodes.operations.jobs import JOBS
from nodes.templatetags.findings import at_level, with_commands
from nodes.templatetags.operations import phase_sentence, retry_url, route, statistics_told
from nodes.templatetags.outcome_words import outcome, outcome_level
from nodes.templatetags.time_line import TimeLine, time_line
from tests.unit.builders import COUNTER_ID

START = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)


def phase(name: str, begin_s: float, end_s: float, state: str = "succeeded") -> dict[str, Any]:
    return {
        "name": name,
        "state": state,
        "started_at": (START + timedelta(seconds=begin_s)).isoformat(),
        "ended_at": (START + timedelta(seconds=end_s)).isoformat(),
    }


def line_of(*phases: dict[str, Any], total_s: float = 10, **result: Any) -> TimeLine:
    ended_at = START + timedelta(seconds=total_s)
    operation = Operation(started_at=START, ended_at=ended_at, phases=list(phases), result=result)
    line = time_line(operation)
    assert line is not None
    return line


def test_phases_are_drawn_to_scale() -> None:
    line = line_of(phase("preflight", 0, 1), phase("checkpoint", 1, 6))
    assert [(bar.span.start, bar.span.width) for bar in line.bars if bar.span] == [
        (0, 10),
        (10, 50),
    ]


def test_the_downtime_begins_with_the_checkpoint() -> None:
    line = line_of(phase("checkpoint", 2, 4), phase("transfer", 2.5, 6), downtime_s=5)
    assert line.downtime is not None
    assert (line.downtime.start, line.downtime.width) == (20, 50)


def test_the_frozen_time_is_drawn_where_the_checkpoint_begins() -> None:
    line = line_of(phase("checkpoint", 2, 4), frozen_s=0.5)
    assert line.frozen is not None
    assert (line.frozen.start, line.frozen.width) == (20, 5)


def test_a_rollback_is_part_of_where_the_time_went() -> None:
    line = line_of(phase("restore", 4, 6, "failed"), rolled_back=True)
    rollback = line.bars[-1]
    assert (rollback.phase["name"], rollback.began_s, rollback.seconds) == ("rollback", 6, 4)


def test_a_skipped_phase_has_no_bar() -> None:
    (bar,) = line_of(phase("image", 1, 1, "skipped")).bars
    assert bar.span is None


@pytest.mark.parametrize("begin_s, end_s", [(0, 0), (10, 10), (9.99, 30), (-3, -1), (-5, 50)])
def test_no_bar_leaves_the_drawing_or_vanishes(begin_s: float, end_s: float) -> None:
    (bar,) = line_of(phase("verify", begin_s, end_s)).bars
    assert bar.span is not None
    assert bar.span.start >= 0
    assert bar.span.width > 0
    assert bar.span.start + bar.span.width <= 100


@pytest.mark.parametrize("total_s", [0, 0.4, 1, 12.5, 59, 3600, 500_000])
def test_there_are_a_few_ticks_at_any_scale(total_s: float) -> None:
    ticks = line_of(total_s=total_s).ticks
    assert 1 <= len(ticks) <= 7
    assert ticks[0].seconds == 0
    assert all(0 <= tick.at <= 96 for tick in ticks)


def test_what_has_not_begun_has_no_time_line() -> None:
    assert time_line(Operation(phases=[])) is None


def test_the_next_try_has_the_same_options_and_those_that_may_help() -> None:
    operation = Operation(
        pk=44,
        kind=OperationKind.MIGRATE,
        source_id=1,
        destination_id=2,
        container_podman_id=COUNTER_ID,
        options={"compress": "none", "file_locks": True, "keep": False},
        error={"options": {"tcp_established": True}},
    )
    url = urlsplit(retry_url(operation))
    assert COUNTER_ID in url.path
    assert parse_qs(url.query) == {
        "retry_of": ["44"],
        "destination": ["2"],
        "compress": ["none"],
        "file_locks": ["on"],
        "tcp_established": ["on"],
    }


def test_a_statistic_of_a_newer_criu_still_has_a_name() -> None:
    told = statistics_told({"irmap_resolve_time_s": 0.002, "frozen_time_s": 0.31})
    assert [(each.title, each.text) for each in told] == [
        ("Frozen", "310 ms"),
        ("Irmap resolve time", "2.0 ms"),
    ]


def test_findings_are_picked_by_level_fresh_or_stored() -> None:
    findings = [ok("a", "fine"), error("b", "bad"), warning("c", "hm").as_dict()]
    assert at_level(findings, "error") == [findings[1]]
    assert at_level(findings, "warning") == [findings[2]]
    assert at_level(None, "ok") == []


def test_commands_are_set_as_code_and_markup_never_gets_through() -> None:
    html = with_commands("Run `podman rm <x>` & see <script>alert(1)</script>")
    assert html == (
        "Run <code>podman rm &lt;x&gt;</code> &amp; see &lt;script&gt;alert(1)&lt;/script&gt;"
    )


@pytest.mark.parametrize("kind", JOBS)
def test_every_phase_of_every_kind_says_what_it_does(kind: str) -> None:
    silent = [name for name in JOBS[kind].phases if not phase_sentence(kind, name)]
    assert silent == []


def test_a_route_names_the_nodes_that_take_part() -> None:
    assert route(Operation(source_name="alder", destination_name="birch")) == "alder → birch"
    assert route(Operation(source_name="alder")) == "alder"
    assert route(Operation(destination_name="birch")) == "birch"


@pytest.mark.parametrize("kind", OperationKind)
def test_how_it_ended_is_told_in_a_sentence(kind: str) -> None:
    told = outcome(
        Operation(
            kind=kind,
            state=OperationState.SUCCEEDED,
            container_name="counter",
            source_name="alder",
            destination_name="birch",
        )
    )
    assert told.endswith(".")
    assert "counter" in told or "alder" in told


def test_what_went_wrong_is_told_in_its_own_words() -> None:
    failed = Operation(state=OperationState.FAILED, error={"message": "No room on birch."})
    assert (outcome(failed), outcome_level(failed)) == ("No room on birch.", "error")
