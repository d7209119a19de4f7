"""Every rule recognises a line that Podman, CRIU or an OCI runtime really wrote."""

from __future__ import annotations

import pytest

from nodes.criu.diagnosis import RULES, Rule, diagnose, error_lines
from nodes.podman.options import MigrationOptions
from tests.fake_host import recorded
from tests.unit.failure_lines import LINES


@pytest.mark.parametrize("rule_id, line", LINES)
def test_a_line_leads_to_its_rule(rule_id: str, line: str) -> None:
    found = diagnose(f"(00.001) Dumping processes\n  {line}\n(00.104) Dumping FAILED.\n")
    assert found is not None
    assert found.rule.id == rule_id
    assert found.line == line


def test_every_rule_has_a_line() -> None:
    assert {rule_id for rule_id, _ in LINES} == {rule.id for rule in RULES}
    assert len({rule.id for rule in RULES}) == len(RULES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_says_what_to_do_and_offers_options_that_there_are(rule: Rule) -> None:
    assert rule.cause.endswith(".")
    assert rule.remedy.endswith(".")
    assert MigrationOptions.parse(rule.options)


def test_the_first_rule_wins_whatever_the_order_of_the_lines() -> None:
    lines = dict(LINES)
    text = f"{lines['no-space']}\n{lines['file-locks']}\n{lines['tcp-established']}"
    found = diagnose(text)
    assert found is not None
    assert found.rule.id == "tcp-established"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Error: OCI runtime error: runc: criu failed: type RESTORE errno 0",
        "(00.031329) Error (criu/util.c:1534): rlimit: Can't setup RLIMIT_NOFILE for self: "
        "Operation not permitted",
        "(00.104395) Error (criu/cr-dump.c:1975): Dumping FAILED.",
        "Warn  (criu/kerndat.c:1310): $XDG_RUNTIME_DIR not set. Cannot find location",
    ],
)
def test_what_is_not_known_is_not_guessed(text: str) -> None:
    assert diagnose(text) is None


def test_only_the_lines_that_criu_marks_are_its_errors_and_the_cause_comes_first() -> None:
    log = f"(00.031) Found mmap_min_addr 0x10000\n{recorded('dump-tcp.log')}(00.2) Unlock network\n"
    assert sorted(error_lines(log)) == sorted(recorded("dump-tcp.log").splitlines())
    assert "Connected TCP socket" in error_lines(log)[0]
