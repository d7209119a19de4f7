"""A node's history tells what has changed between two looks, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from nodes.host.facts import HostFacts
from nodes.host.selftest_result import versions_of
from nodes.inventory.history import MOST_EVENTS, note_state
from nodes.inventory.observation import save_online, save_problem, save_readiness, save_selftest
from nodes.models import Node, NodeEvent, NodeState
from nodes.problem import Problem
from tests.factories import make_node
from tests.unit.builders import MIB, make_host
from tests.unit.readiness_cases import OLD, READY_TOOLS

pytestmark = pytest.mark.django_db
CRUN = make_host(info={"runtime": "crun", "runtime_path": "/usr/bin/crun"}, has_libcriu=True)
LOST = Problem(code="node_unreachable", message="alder cannot be reached.", cause="timed out")


@pytest.fixture
def node() -> Node:
    """A node at which nobody has looked yet."""
    return make_node("alder", state=NodeState.CONNECTING)


@pytest.fixture
def known(node: Node) -> Node:
    """A node that was found ready, with nothing in its history but that."""
    save_readiness(node.pk, make_host())
    NodeEvent.objects.all().delete()
    return node


def told_of(node: Node) -> list[dict[str, Any]]:
    """Return the events, the oldest first, without their times."""
    events = NodeEvent.objects.filter(node=node).order_by("pk")
    return list(events.values("check_name", "level_before", "level", "message", "evidence"))


def looks(node: Node, *several: HostFacts) -> list[dict[str, Any]]:
    for facts in several:
        save_readiness(node.pk, facts)
    return told_of(node)


def test_the_first_look_at_a_ready_node_is_one_event(node: Node) -> None:
    (event,) = looks(node, make_host())
    assert event["check_name"] == "readiness"
    assert (event["level_before"], event["level"]) == ("", "ok")
    assert event["message"] == "First look: Every check passed."


def test_the_first_look_tells_all_that_is_amiss_with_the_worst_level(node: Node) -> None:
    (event,) = looks(node, make_host(criu_version="", staging_free_bytes=MIB))
    assert event["level"] == "error"
    assert "CRIU is not installed." in event["message"]
    assert "There is little free space" in event["message"]


def test_a_look_that_finds_the_same_is_no_event(known: Node) -> None:
    assert looks(known, make_host(), make_host()) == []


def test_another_level_is_an_event_with_the_level_before(known: Node) -> None:
    events = looks(known, CRUN, make_host())
    assert [
        (event["check_name"], event["level_before"], event["level"])
        for event in events
        if event["check_name"] == "runtime"
    ] == [("runtime", "ok", "warning"), ("runtime", "warning", "ok")]
    assert "/usr/bin/crun" in events[0]["evidence"]


@pytest.mark.parametrize(
    "changes, check, says",
    [
        ({"info": {"podman_version": "6.0.0"}}, "podman", "podman 6.0.0"),
        ({"conmon_version": "2.2"}, "podman", "conmon 2.2"),
        ({"info": {"kernel": "6.19.1"}}, "kernel", "kernel 6.19.1"),
        ({"criu_version": "4.3"}, "kernel", "criu 4.3"),
        ({"info": {"runtime_version": "1.4"}}, "runtime", "runc 1.4"),
    ],
)
def test_another_version_is_an_event_of_the_same_level(
    known: Node, changes: dict[str, Any], check: str, says: str
) -> None:
    (event,) = looks(known, make_host(**changes))
    assert (event["check_name"], event["level_before"], event["level"]) == (check, "ok", "ok")
    assert says in event["evidence"]


@pytest.mark.parametrize(
    "changes",
    [
        {"staging_free_bytes": 7000 * MIB},
        {"graph_root_free_bytes": 7000 * MIB},
        {"clock_offset_s": 0.3},
        {"criu_check_all": "Looks good but some kernel features are missing"},
        {"tools": READY_TOOLS - {"nft"}},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_what_changes_with_every_look_is_no_event(known: Node, changes: dict[str, Any]) -> None:
    assert looks(known, make_host(**changes)) == []


def test_a_warning_that_comes_and_goes_is_told_both_times(known: Node) -> None:
    came, went = looks(known, make_host(containers=(OLD,)), make_host())
    assert came["check_name"] == went["check_name"] == "containers"
    assert (came["level_before"], came["level"]) == ("", "warning")
    assert (went["level_before"], went["level"]) == ("warning", "")
    assert went["message"] == f"No longer found: {came['message']}"


def test_a_check_that_becomes_moot_is_told_only_if_it_was_amiss(known: Node) -> None:
    events = looks(known, make_host(criu_version="", criu_check="criu: not found"))
    assert [event["check_name"] for event in events] == ["criu"]


def test_a_look_says_whether_the_history_has_news(node: Node) -> None:
    warned = make_host(containers=(OLD,))
    full = make_host(staging_free_bytes=7000 * MIB)
    several = [make_host(), make_host(), full, warned, warned, make_host()]
    news = [save_readiness(node.pk, facts) for facts in several]
    assert news == [True, False, False, True, False, True]


def test_a_check_that_begins_to_pass_is_no_event(known: Node) -> None:
    """Kernel and features are judged only where there is a CRIU, which its own check tells."""
    gone, came = looks(known, make_host(criu_version=""), make_host())
    assert gone["check_name"] == came["check_name"] == "criu"
    assert (came["level_before"], came["level"]) == ("error", "ok")


def test_the_node_keeps_what_the_last_look_found(known: Node) -> None:
    save_readiness(known.pk, CRUN)
    known.refresh_from_db()
    assert known.facts["runtime"] == "crun"
    assert known.readiness == "warning"


def test_a_node_keeps_its_latest_events_only(node: Node) -> None:
    other = make_node("birch")
    note_state(other.pk, NodeState.ONLINE, "The oldest of all.")
    NodeEvent.objects.bulk_create(
        NodeEvent(node=node, check_name="state", message=str(number))
        for number in range(MOST_EVENTS)
    )
    for number in range(3):
        note_state(node.pk, NodeState.ONLINE, f"new {number}")
    kept = [event["message"] for event in told_of(node)]
    assert len(kept) == MOST_EVENTS
    assert kept[0] == "3"
    assert kept[-3:] == ["new 0", "new 1", "new 2"]
    assert len(told_of(other)) == 1


def test_a_node_that_comes_online_is_told_once(node: Node) -> None:
    for _ in range(2):
        save_online(node.pk)
    (event,) = told_of(node)
    assert (event["check_name"], event["level"]) == ("state", "ok")


def test_a_problem_is_told_only_when_it_is_news(node: Node) -> None:
    refused = Problem(code="node_unreachable", message=LOST.message, cause="refused")
    news = [
        save_problem(node.pk, NodeState.UNREACHABLE, LOST),
        save_problem(node.pk, NodeState.UNREACHABLE, LOST),
        save_problem(node.pk, NodeState.UNREACHABLE, refused),
        save_problem(node.pk, NodeState.BLOCKED, Problem(code="x", message="Key refused.")),
    ]
    assert news == [True, False, True, True]
    assert [(event["level"], event["message"], event["evidence"]) for event in told_of(node)] == [
        # The same trouble in other words is no news: a program tells the time in them.
        ("warning", "alder cannot be reached.", "timed out"),
        ("error", "Key refused.", ""),
    ]


def test_a_node_that_goes_and_comes_is_told_each_time(node: Node) -> None:
    for _ in range(2):
        save_online(node.pk)
        save_problem(node.pk, NodeState.UNREACHABLE, LOST)
    assert [event["level"] for event in told_of(node)] == ["ok", "warning", "ok", "warning"]


def test_a_self_test_is_part_of_the_readiness_until_a_version_changes(known: Node) -> None:
    proof = {"passed": True, "versions": versions_of(make_host())}
    save_selftest(known.pk, proof, make_host())
    known.refresh_from_db()
    assert {"selftest"} <= {finding["check"] for finding in known.findings}

    events = looks(known, make_host(), make_host(criu_version="4.3"))
    proven, outdated = (event for event in events if event["check_name"] == "selftest")
    assert (proven["level_before"], proven["level"]) == ("", "ok")
    assert (outdated["level_before"], outdated["level"]) == ("ok", "warning")
    assert outdated["evidence"] == "criu 4.2.1 → 4.3"


def test_a_self_test_that_fails_and_then_passes_is_told(known: Node) -> None:
    versions = versions_of(make_host())
    failed = {"passed": False, "message": "It was not restored.", "versions": versions}
    save_selftest(known.pk, failed, make_host())
    save_selftest(known.pk, {"passed": True, "versions": versions}, make_host())
    assert [(event["level_before"], event["level"]) for event in told_of(known)] == [
        ("", "error"),
        ("error", "ok"),
    ]
