"""Preflight says what would go wrong, where it saw that and what to do about it."""

from __future__ import annotations

import pytest

from nodes.operations.errors import PreflightFailed
from nodes.operations.preflight import examine
from nodes.operations.preflight_checks import CHECKS, Check
from tests.unit.builders import MIB, make_host, make_plan, make_surroundings
from tests.unit.preflight_cases import ABOUT_THE_HOSTS, Case
from tests.unit.preflight_container_cases import ABOUT_THE_CONTAINER

CASES = [*ABOUT_THE_HOSTS, *ABOUT_THE_CONTAINER]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_good_pair_of_nodes_passes(check: Check) -> None:
    finding = check(make_surroundings(), make_plan())
    assert finding.level == "ok"
    assert finding.message


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_one_fact_makes_the_difference(case: Case) -> None:
    finding = case.check(case.surroundings, make_plan(**case.options))
    assert finding.level == case.level
    assert case.says in f"{finding.message}\n{finding.evidence}"


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.level == "error"], ids=lambda case: case.name
)
def test_an_error_shows_what_was_seen_and_what_to_do(case: Case) -> None:
    finding = case.check(case.surroundings, make_plan(**case.options))
    assert finding.evidence
    assert finding.remedy


def test_no_check_is_without_a_case_that_it_does_not_pass() -> None:
    assert {case.check for case in CASES if case.level != "ok"} == set(CHECKS)


def test_all_checks_are_made_and_errors_come_first() -> None:
    near = make_surroundings(
        destination=make_host(info={"architecture": "arm64"}),
        container={"tty": True},
        volumes=frozenset({"counter-data"}),
    )
    findings = examine(near, make_plan())
    levels = [str(finding.level) for finding in findings]
    assert len(findings) == len(CHECKS)
    assert levels == ["error", "error", "warning", *["ok"] * (len(CHECKS) - 3)]
    assert {finding.check for finding in findings[:2]} == {"architecture", "volumes"}


def test_the_refusal_names_every_cause_and_remedy() -> None:
    near = make_surroundings(container={"running": False, "networks": ["grove"]})
    problem = PreflightFailed(examine(near, make_plan()), "migration").problem
    assert problem.code == "preflight_failed"
    assert "counter is not running" in problem.cause
    assert "podman network create grove" in problem.remedy
    assert "nothing was changed" in problem.message


def test_the_archive_is_as_large_as_the_memory_and_the_changed_files() -> None:
    near = make_surroundings(rss_bytes=512 * MIB, container={"rootfs_changes_bytes": MIB})
    assert near.source.estimated_archive_bytes == 513 * MIB


def test_a_size_that_podman_did_not_count_takes_nothing_off() -> None:
    near = make_surroundings(rss_bytes=MIB, container={"rootfs_changes_bytes": -1})
    assert near.source.estimated_archive_bytes == MIB


def test_an_operation_has_a_folder_of_its_own() -> None:
    assert str(make_plan().archive_path) == "/var/lib/ferry/7/archive"
