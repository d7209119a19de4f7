"""What a check found: the common currency of preflight and readiness."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum


class Level(StrEnum):
    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Tell the outcome of one check; ``evidence`` is what the node said, word for word."""

    check: str
    level: Level
    message: str
    evidence: str = ""
    remedy: str = ""

    def as_dict(self) -> dict[str, str]:
        return asdict(self)


def ok(check: str, message: str, evidence: str = "") -> Finding:
    return Finding(check=check, level=Level.OK, message=message, evidence=evidence)


def warning(check: str, message: str, evidence: str = "", remedy: str = "") -> Finding:
    return Finding(
        check=check, level=Level.WARNING, message=message, evidence=evidence, remedy=remedy
    )


def error(check: str, message: str, evidence: str = "", remedy: str = "") -> Finding:
    return Finding(
        check=check, level=Level.ERROR, message=message, evidence=evidence, remedy=remedy
    )


def errors_in(findings: Iterable[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.level == Level.ERROR]
