"""Tell the cause of a failed checkpoint or restore from what it left behind.

The rules are data (nodes.criu.rules). Evidence comes from nodes and containers and may be
hostile: it is searched and quoted, never evaluated, and its size is bounded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from nodes.criu.compatibility import kernel_newer_than_criu
from nodes.criu.rule import Rule
from nodes.criu.rules import RULES

UNKNOWN = "unknown"

_LINE_CHARACTERS = 4000
_FACT_CHARACTERS = 200
# CRIU's log may hold some MiB. Its errors are looked for in all of it, the rest in its end.
_MOST_ERRORS = 300
_REST_CHARACTERS = 512 * 1024

_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
_CRIU_FAILED = re.compile(
    r"(?:Dumping|Restoring) FAILED|criu failed|CRIU (?:checkpointing|restoring) failed"
    r"|failed to check for criu version"
)
# They stand in every log: the first is harmless, the others only say that something else failed.
_EMPTY_ERRORS = re.compile(r"Can't setup RLIMIT_NOFILE|FAILED\.?$|cgroupd: recv req error")


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What is known of a failure.

    Rules ask for these facts: node, cgroup_manager (the container's), runtime, kernel,
    criu_version, podman_version, rootless ("true", "false"), selinux, systemd_unit, container.
    """

    # CRIU's dump.log or restore.log.
    log: str = ""
    # Of Podman and the OCI runtime.
    stderr: str = ""
    # The last lines that the container itself printed.
    container_log: str = ""
    # Of a restored container that has ended.
    exit_code: int | None = None
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """Explain a failure; ``line`` is the line that told, "" if none did."""

    rule: Rule
    line: str
    cause: str
    remedy: str


def diagnose(evidence: Evidence) -> Diagnosis | None:
    """Return what the first matching rule says, None if no rule knows the failure.

    CRIU's errors are searched first, then Podman's words, the rest of CRIU's log and what a
    container that ended had printed. Rules without a pattern come last.
    """
    facts = _known_facts(evidence)
    possible = [rule for rule in RULES if _conditions_hold(rule, evidence.exit_code, facts)]
    spoken = [rule for rule in possible if rule.pattern and not rule.exit_codes]
    printed = [rule for rule in possible if rule.pattern and rule.exit_codes]
    searches = (
        (spoken, error_lines(evidence.log)),
        (spoken, _lines(evidence.stderr)),
        # The log of a restore that was done is no reason why the program has ended since.
        (spoken if evidence.exit_code is None else [], _lines(evidence.log)),
        (printed, _lines(evidence.container_log)),
    )
    for rules, lines in searches:
        if found := _first_match(rules, lines):
            return _explain(*found, facts)
    silent = next((rule for rule in possible if not rule.pattern), None)
    return _explain(silent, "", facts) if silent else None


def error_lines(log: str) -> list[str]:
    """Return the lines that CRIU marks as errors, those that name a cause first."""
    lines = [_cut(line) for line in log.splitlines() if "Error (" in line][:_MOST_ERRORS]
    return sorted(lines, key=lambda line: bool(_EMPTY_ERRORS.search(line)))


def _lines(text: str) -> list[str]:
    return [_cut(line) for line in text[-_REST_CHARACTERS:].splitlines() if line.strip()]


def _cut(line: str) -> str:
    return line.strip()[:_LINE_CHARACTERS]


def _known_facts(evidence: Evidence) -> dict[str, str]:
    """Return the given facts, each a short line, and those that follow from the evidence."""
    facts = {
        name: " ".join(value[:_FACT_CHARACTERS].split()) for name, value in evidence.facts.items()
    }
    limit = kernel_newer_than_criu(facts.get("criu_version", ""), facts.get("kernel", ""))
    failed = _CRIU_FAILED.search(evidence.log) or _CRIU_FAILED.search(evidence.stderr)
    return facts | {
        "kernel_limit": limit.consequence if limit else "",
        "criu_failed": "true" if failed else "",
        "exit_code": "" if evidence.exit_code is None else str(evidence.exit_code),
    }


def _conditions_hold(rule: Rule, exit_code: int | None, facts: Mapping[str, str]) -> bool:
    if rule.exit_codes and exit_code not in rule.exit_codes:
        return False
    return all(re.fullmatch(regex, facts.get(name, "")) for name, regex in rule.facts.items())


def _first_match(rules: Iterable[Rule], lines: Sequence[str]) -> tuple[Rule, str] | None:
    for rule in rules:
        pattern = re.compile(rule.pattern)
        for line in lines:
            if pattern.search(line):
                return rule, line
    return None


def _explain(rule: Rule, line: str, facts: Mapping[str, str]) -> Diagnosis:
    return Diagnosis(
        rule=rule, line=line, cause=_fill(rule.cause, facts), remedy=_fill(rule.remedy, facts)
    )


def _fill(text: str, facts: Mapping[str, str]) -> str:
    """Put facts into a rule's own text; plain replacement, so that a value stays a value."""
    return _PLACEHOLDER.sub(lambda match: facts.get(match.group(1)) or UNKNOWN, text)
