"""Whether a node can checkpoint at all is said with the reason and the way out."""

from __future__ import annotations

from typing import Any

import pytest

from nodes.finding import Finding, errors_in
from nodes.host.checks import readiness_findings
from nodes.host.facts import ConfigFile, HostFacts
from tests.unit.builders import make_host
from tests.unit.probes import BARE, FAILING, OLDER, READY, recorded_facts
from tests.unit.readiness_cases import (
    ALONE,
    CONF,
    COUNTER,
    CRUN,
    FINE,
    READY_TOOLS,
    SILENT,
    TOGETHER,
    Case,
)

CASES = [*ALONE, *TOGETHER, *FINE]
MARKED = [case for case in CASES if case.level != "ok"]
# Each in the order in which they are shown.
OF_A_READY_HOST = [
    "root", "capabilities", "podman", "criu", "kernel", "criu-features", "runtime",
    "cgroup-manager", "network-lock", "security-module", "tools", "free-space", "clock",
]  # fmt: skip


def by_check(facts: HostFacts) -> dict[str, Finding]:
    return {finding.check: finding for finding in readiness_findings(facts)}


def marked_in(facts: HostFacts) -> dict[str, str]:
    return {
        finding.check: str(finding.level)
        for finding in readiness_findings(facts)
        if finding.level != "ok"
    }


def named(case: Case) -> str:
    return case.name


def test_a_ready_node_passes_every_check() -> None:
    findings = readiness_findings(make_host())
    assert [finding.check for finding in findings] == OF_A_READY_HOST
    assert all(finding.level == "ok" and finding.evidence for finding in findings)


@pytest.mark.parametrize("case", CASES, ids=named)
def test_one_fact_makes_the_difference(case: Case) -> None:
    finding = by_check(make_host(**case.changes))[case.check]
    assert finding.level == case.level
    assert case.says in f"{finding.message}\n{finding.evidence}"
    assert finding.fix == case.fix


@pytest.mark.parametrize("case", ALONE, ids=named)
def test_it_makes_none_for_any_other_check(case: Case) -> None:
    assert marked_in(make_host(**case.changes)) == {case.check: case.level}


@pytest.mark.parametrize("case", MARKED, ids=named)
def test_what_is_marked_shows_what_was_seen_and_what_to_do(case: Case) -> None:
    finding = by_check(make_host(**case.changes))[case.check]
    assert finding.evidence
    assert finding.remedy


def test_no_check_is_without_a_case() -> None:
    always_ok = {"criu-features"}
    every_check = {case.check for case in CASES}
    assert every_check == {*OF_A_READY_HOST, *{case.check for case in MARKED}}
    assert {case.check for case in MARKED} == every_check - always_ok


@pytest.mark.parametrize(
    "changes, moot",
    [
        ({"uid": 1000}, {"capabilities"}),
        ({"criu_version": ""}, {"kernel", "criu-features"}),
        ({"podman_problem": "x"}, {"runtime", "cgroup-manager"}),
        ({"tools": READY_TOOLS - {"podman"}}, {"runtime", "cgroup-manager"}),
    ],
)
def test_what_cannot_be_known_is_not_judged(changes: dict[str, Any], moot: set[str]) -> None:
    assert set(OF_A_READY_HOST) - set(by_check(make_host(**changes))) == moot


@pytest.mark.parametrize("changes", [{}, {"info": CRUN, "crun_has_criu": False}])
def test_libcriu_is_only_asked_of_a_crun_that_could_use_it(changes: dict[str, Any]) -> None:
    assert "libcriu" not in by_check(make_host(**changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"containers": (COUNTER, SILENT)},
        {"config_files": (ConfigFile(path=CONF, text='[engine]\nruntime = "runc"\n'),)},
    ],
    ids=str,
)
def test_there_is_nothing_to_say_about_what_is_as_it_has_to_be(changes: dict[str, Any]) -> None:
    assert list(by_check(make_host(**changes))) == OF_A_READY_HOST


def test_warnings_do_not_stop_a_node() -> None:
    facts = make_host(info={"cgroup_manager": "systemd", "rootless": True})
    assert [finding.check for finding in errors_in(readiness_findings(facts))] == ["root"]


@pytest.mark.parametrize(
    "name, marked",
    [
        (READY, {}),
        (OLDER, {
            "kernel": "error",
            "runtime": "warning",
            "libcriu": "error",
            "cgroup-manager": "warning",
        }),
        (FAILING, {"podman": "error", "kernel": "error"}),
        (BARE, {
            "podman": "error",
            "criu": "error",
            "runtime": "warning",
            "network-lock": "warning",
        }),
    ],
)  # fmt: skip
def test_a_recorded_host_is_judged(name: str, marked: dict[str, str]) -> None:
    assert marked_in(recorded_facts(name)) == marked
