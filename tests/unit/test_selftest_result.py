"""A self-test proves the versions it was made with, and no others."""

from __future__ import annotations

from typing import Any

import pytest

from nodes.finding import Fix
from nodes.host.selftest_result import selftest_finding, versions_of
from tests.unit.builders import make_host

VERSIONS = {
    "kernel": "6.18.44-fc-v595",
    "podman": "5.8.6",
    "criu": "4.2.1",
    "runtime": "runc 1.3.6",
    "cgroup manager": "cgroupfs",
}
PASSED: dict[str, Any] = {"passed": True, "versions": VERSIONS}
FAILED: dict[str, Any] = {
    "passed": False,
    "message": "It was not restored.",
    "cause": "restore failed",
    "remedy": "Install a newer CRIU.",
    "versions": VERSIONS,
}


def test_a_host_says_what_has_to_work_together() -> None:
    assert versions_of(make_host()) == VERSIONS


def test_without_a_runtime_there_is_no_version_of_it() -> None:
    bare = make_host(info={"runtime": "", "runtime_version": ""})
    assert versions_of(bare)["runtime"] == ""


def test_nothing_is_said_before_the_first_self_test() -> None:
    assert selftest_finding({}, make_host()) is None


def test_one_that_passed_proves_the_node() -> None:
    finding = selftest_finding(PASSED, make_host())
    assert finding is not None
    assert (finding.level, finding.fix) == ("ok", Fix.NONE)
    assert all(f"{name} {version}" in finding.evidence for name, version in VERSIONS.items())


@pytest.mark.parametrize(
    "told, evidence",
    [
        ({}, "restore failed"),
        ({"line": ""}, "restore failed"),
        ({"line": "Error (x)"}, "Error (x)"),
    ],
)
def test_one_that_failed_shows_why_and_what_to_do(told: dict[str, str], evidence: str) -> None:
    finding = selftest_finding(FAILED | told, make_host())
    assert finding is not None
    assert finding.level == "error"
    assert "It was not restored." in finding.message
    assert (finding.evidence, finding.remedy) == (evidence, "Install a newer CRIU.")
    assert finding.fix == Fix.SELFTEST


@pytest.mark.parametrize("result", [PASSED, FAILED], ids=["passed", "failed"])
@pytest.mark.parametrize(
    "changes, change",
    [
        ({"info": {"kernel": "7.0.1"}}, "kernel 6.18.44-fc-v595 → 7.0.1"),
        ({"info": {"podman_version": "6.0.0"}}, "podman 5.8.6 → 6.0.0"),
        ({"info": {"cgroup_manager": "systemd"}}, "cgroup manager cgroupfs → systemd"),
        ({"info": {"runtime": "crun"}}, "runtime runc 1.3.6 → crun 1.3.6"),
        ({"criu_version": "4.3"}, "criu 4.2.1 → 4.3"),
        ({"criu_version": ""}, "criu 4.2.1 → none"),
        ({"criu_version": "4.3", "info": {"podman_version": "6.0.0"}},
         "podman 5.8.6 → 6.0.0, criu 4.2.1 → 4.3"),
    ],
)  # fmt: skip
def test_other_versions_make_it_worth_nothing(
    result: dict[str, Any], changes: dict[str, Any], change: str
) -> None:
    finding = selftest_finding(result, make_host(**changes))
    assert finding is not None
    assert (finding.level, finding.evidence, finding.fix) == ("warning", change, Fix.SELFTEST)


def test_what_was_not_asked_for_then_was_none() -> None:
    finding = selftest_finding({"passed": True, "versions": {}}, make_host())
    assert finding is not None
    assert "criu none → 4.2.1" in finding.evidence
