"""Every rule recognises what Podman, CRIU or an OCI runtime really wrote, or real facts."""

from __future__ import annotations

import re

import pytest

from nodes.criu.diagnosis import Diagnosis, Evidence, diagnose, error_lines
from nodes.criu.rule import Rule
from nodes.criu.rules import RULES
from nodes.finding import Fix
from nodes.podman.options import MigrationOptions
from tests.fake_host import recorded
from tests.unit.failure_facts import FACTS, OLD_CRIU, RUNS_AGAIN
from tests.unit.failure_lines import LINES

KNOWN_FACTS = {
    "node", "cgroup_manager", "runtime", "kernel", "criu_version", "podman_version", "rootless",
    "selinux", "systemd_unit", "container", "kernel_limit", "criu_failed", "exit_code",
}  # fmt: skip


def found_by(evidence: Evidence) -> Diagnosis:
    found = diagnose(evidence)
    assert found is not None
    return found


@pytest.mark.parametrize("rule_id, line", LINES)
def test_a_line_of_criu_leads_to_its_rule(rule_id: str, line: str) -> None:
    log = f"(00.001) Dumping processes\n  {line}\n(00.104) Dumping FAILED.\n"
    found = found_by(Evidence(log=log))
    assert (found.rule.id, found.line) == (rule_id, line)


@pytest.mark.parametrize("rule_id, line", LINES)
def test_a_line_of_podman_leads_to_its_rule(rule_id: str, line: str) -> None:
    found = found_by(Evidence(stderr=f"{line}\nError: `/usr/bin/runc` failed: exit status 1\n"))
    assert (found.rule.id, found.line) == (rule_id, line)


@pytest.mark.parametrize("rule_id, evidence", FACTS)
def test_facts_lead_to_their_rule(rule_id: str, evidence: Evidence) -> None:
    assert found_by(evidence).rule.id == rule_id


def test_every_rule_has_a_case() -> None:
    assert {rule_id for rule_id, _ in [*LINES, *FACTS]} == {rule.id for rule in RULES}
    assert len({rule.id for rule in RULES}) == len(RULES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_is_whole(rule: Rule) -> None:
    assert rule.pattern or rule.exit_codes or rule.facts
    assert rule.cause.endswith(".")
    assert rule.remedy.endswith(".")
    assert rule.source
    assert rule.action in {"", *Fix}
    assert MigrationOptions.parse(rule.options)
    named = re.findall(r"\{(.*?)\}", rule.cause + rule.remedy)
    assert {*named, *rule.facts} <= KNOWN_FACTS


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_pattern_bounds_its_gaps(rule: Rule) -> None:
    assert not re.search(r"[.)][*+]|\\S[*+]", rule.pattern)


def test_the_first_rule_wins_whatever_the_order_of_the_lines() -> None:
    lines = dict(LINES)
    text = f"{lines['no-space']}\n{lines['file-locks']}\n{lines['tcp-established']}"
    assert found_by(Evidence(log=text)).rule.id == "tcp-established"
    assert found_by(Evidence(stderr=text)).rule.id == "tcp-established"


def test_criu_s_errors_come_before_podman_s_words_and_these_before_the_rest_of_the_log() -> None:
    lines = dict(LINES)
    bad_mode, no_space, no_root = (
        lines["file-differs"], lines["no-space"], lines["rootless"]
    )  # fmt: skip
    log = f"{no_root}\n{bad_mode}\n"
    assert found_by(Evidence(log=log, stderr=no_space)).rule.id == "file-differs"
    assert found_by(Evidence(log=no_root, stderr=no_space)).rule.id == "no-space"
    assert found_by(Evidence(log=no_root, stderr="Error: no")).rule.id == "rootless"


def test_a_line_comes_before_facts_alone() -> None:
    lines = dict(LINES)
    evidence = Evidence(log=f"{lines['file-locks']}\nDumping FAILED.", exit_code=0, facts=OLD_CRIU)
    assert found_by(evidence).rule.id == "file-locks"


def test_what_a_container_prints_is_not_taken_for_podman_s_words() -> None:
    said = "no space left on device"
    assert diagnose(Evidence(container_log=said)) is None
    assert found_by(Evidence(container_log=said, exit_code=1)).rule.id == "exit-other"


def test_facts_fill_the_texts_and_a_missing_one_is_unknown() -> None:
    line = dict(LINES)["kernel-newer-than-criu"]
    found = found_by(Evidence(log=line, facts=OLD_CRIU))
    assert "CRIU 4.1.1 on kernel 6.18.44-fc-v657" in found.cause
    assert "alder" in found.remedy
    without = found_by(Evidence(log=line, facts={"node": "alder", "kernel": " "}))
    assert "CRIU unknown on kernel unknown" in without.cause


def test_a_bare_failure_of_an_old_criu_names_what_it_cannot_do() -> None:
    found = found_by(Evidence(log="Dumping FAILED.", facts=OLD_CRIU))
    assert found.line == ""
    assert "cannot dump a container that has a network socket" in found.cause
    assert diagnose(Evidence(facts=OLD_CRIU)) is None
    assert diagnose(Evidence(log="Dumping FAILED.", facts={**OLD_CRIU, "kernel": "6.1"})) is None


def test_derived_facts_cannot_be_given() -> None:
    facts = {"criu_failed": "true", "kernel_limit": "explodes"}
    assert diagnose(Evidence(facts=facts)) is None


def test_a_container_that_no_unit_starts_is_not_a_unit_s() -> None:
    assert diagnose(Evidence(stderr=RUNS_AGAIN, facts={"systemd_unit": ""})) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Error: OCI runtime error: runc: criu failed: type RESTORE errno 0",
        "(00.031329) Error (criu/util.c:1534): rlimit: Can't setup RLIMIT_NOFILE for self: "
        "Operation not permitted",
        "(00.104395) Error (criu/cr-dump.c:1975): Dumping FAILED.",
        "Warn  (criu/kerndat.c:1310): $XDG_RUNTIME_DIR not set. Cannot find location",
        # Harmless words of logs that succeed.
        "Warn  (criu/kerndat.c:1642): CRIU was built without libnftables support",
        "Warn  (criu/sockets.c:791): sockets: The current kernel doesn't support ipv4 raw_diag",
        "(00.1) Not checking for TCP repair mode. Please set CAP_NET_ADMIN",
        "(00.2) tty: Dumping tty 9 with id 0x4",
        "(00.3) cg: Restoring cgroup property value [0-3] to [cpuset/a.scope/cpuset.cpus]",
        "(00.008982) vdso: Parsing at 7fffb9070000 7fffb9090000",
        "runc checkpoint is untested with rootless containers",
    ],
)
def test_what_is_not_known_is_not_guessed(text: str) -> None:
    assert diagnose(Evidence(log=text)) is None
    assert diagnose(Evidence(stderr=text)) is None


@pytest.mark.parametrize(
    "hostile",
    [
        "{node}",
        "{0.__class__.__mro__}",
        "{rule.cause}",
        "{",
        "}}{{",
        "\\g<1>",
        "%s",
        "\x00\x1b[31m",
    ],
)
def test_hostile_words_are_quoted_and_never_evaluated(hostile: str) -> None:
    line = f"no space left on device {hostile}"
    assert found_by(Evidence(stderr=line)).line == line
    unit = Evidence(stderr=RUNS_AGAIN, facts={"systemd_unit": hostile, "node": "alder"})
    assert f"The systemd unit {hostile} started" in found_by(unit).cause


def test_a_fact_is_cut_to_one_short_line() -> None:
    name = "x" * 300 + "\nRemedy: run this"
    found = found_by(Evidence(stderr=RUNS_AGAIN, facts={"systemd_unit": name}))
    assert "\n" not in found.cause
    assert len(found.cause) < 400


@pytest.mark.parametrize(
    "bite", ["a", "cpuset", "criu", "nft ", "nvidia", "No mapping for x", "\n", "x\n", "Error ("]
)
def test_huge_evidence_is_harmless(bite: str) -> None:
    text = bite * (1_000_000 // len(bite))
    diagnose(Evidence(log=text, stderr=text, container_log=text, exit_code=1, facts={"node": text}))


def test_an_error_is_found_wherever_it_stands_in_a_long_log() -> None:
    rest = "(00.1) 178 fdinfo 4: pos: 0 flags: 2/0\n" * 50_000
    line = dict(LINES)["file-locks"]
    assert found_by(Evidence(log=f"{rest}{line}\n{rest}")).line == line


def test_a_long_line_is_cut() -> None:
    line = "no space left on device" + "x" * 500_000
    assert len(found_by(Evidence(stderr=line)).line) == 4000


def test_only_the_lines_that_criu_marks_are_its_errors_and_the_cause_comes_first() -> None:
    log = f"(00.031) Found mmap_min_addr 0x10000\n{recorded('dump-tcp.log')}(00.2) Unlock network\n"
    assert sorted(error_lines(log)) == sorted(recorded("dump-tcp.log").splitlines())
    assert "Connected TCP socket" in error_lines(log)[0]
