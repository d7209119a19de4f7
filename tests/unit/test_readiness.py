"""Whether a node can checkpoint at all is said with the reason and the way out."""

from __future__ import annotations

import json
from typing import Any

import pytest

from nodes.finding import Level, errors_in
from nodes.inventory.readiness import HostFacts, readiness_findings
from tests.unit.builders import make_host


def by_check(facts: HostFacts) -> dict[str, Any]:
    return {finding.check: finding for finding in readiness_findings(facts)}


def test_a_ready_node_passes_every_check() -> None:
    found = by_check(make_host())
    assert set(found) == {"root", "runtime", "criu", "cgroup-manager"}
    assert all(finding.level == Level.OK for finding in found.values())
    assert "4.2.1" in found["criu"].evidence


@pytest.mark.parametrize(
    "check, level, changes",
    [
        ("root", Level.ERROR, {"info": {"rootless": True}}),
        ("criu", Level.ERROR, {"criu_version": "", "criu_check": "criu: not found"}),
        ("criu", Level.ERROR, {"criu_check_passed": False, "criu_check": "Error: no uffd"}),
        ("runtime", Level.WARNING, {"info": {"runtime": "crun", "runtime_path": "/bin/crun"}}),
        ("cgroup-manager", Level.WARNING, {"info": {"cgroup_manager": "systemd"}}),
    ],
)
def test_one_fact_fails_one_check(check: str, level: Level, changes: dict[str, Any]) -> None:
    found = by_check(make_host(**changes))
    assert found[check].level == level
    assert found[check].evidence
    assert found[check].remedy
    assert [name for name, each in found.items() if each.level != Level.OK] == [check]


def test_a_failing_criu_is_shown_with_both_versions_and_its_own_words() -> None:
    """A kernel that is newer than CRIU is the usual reason (field note 11)."""
    facts = make_host(criu_check_passed=False, criu_check="Error: vDSO not supported")
    evidence = by_check(facts)["criu"].evidence
    assert evidence == "criu 4.2.1 on kernel 6.18.44-fc-v595: Error: vDSO not supported"


@pytest.mark.parametrize("name", ["runtime", "cgroup_manager"])
def test_what_podman_does_not_tell_is_not_taken_for_good(name: str) -> None:
    found = by_check(make_host(info={name: ""}))
    assert found[name.replace("_", "-")].level == Level.WARNING


def test_warnings_do_not_stop_a_node() -> None:
    facts = make_host(info={"cgroup_manager": "systemd", "rootless": True})
    assert [finding.check for finding in errors_in(readiness_findings(facts))] == ["root"]


def test_what_is_kept_of_a_node_can_be_stored_as_json() -> None:
    kept = make_host().as_dict()
    assert json.loads(json.dumps(kept)) == kept
    assert kept["podman_version"] == "5.8.6"
    assert kept["criu_check"] == "Looks good."
