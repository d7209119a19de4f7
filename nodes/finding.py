"""What a check found: the common currency of preflight and readiness."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class Level(StrEnum):
    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


class Fix(StrEnum):
    """What the site itself can do about a finding, at the press of a button."""

    NONE = ""
    PREPARE = "prepare"
    SELFTEST = "selftest"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Tell the outcome of one check; ``evidence`` is what the node said, word for word.

    ``options`` are those of a migration with which the check would pass, spelled as Podman's.
    """

    check: str
    level: Level
    message: str
    evidence: str = ""
    remedy: str = ""
    fix: Fix = Fix.NONE
    options: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def ok(check: str, message: str, evidence: str = "") -> Finding:
    return Finding(check=check, level=Level.OK, message=message, evidence=evidence)


def warning(
    check: str, message: str, evidence: str = "", remedy: str = "", fix: Fix = Fix.NONE
) -> Finding:
    return Finding(
        check=check, level=Level.WARNING, message=message, evidence=evidence, remedy=remedy, fix=fix
    )


def error(
    check: str,
    message: str,
    evidence: str = "",
    remedy: str = "",
    fix: Fix = Fix.NONE,
    *,
    options: Mapping[str, Any] | None = None,
) -> Finding:
    return Finding(
        check=check, level=Level.ERROR, message=message, evidence=evidence, remedy=remedy, fix=fix,
        options=options or {},
    )  # fmt: skip


def errors_in(findings: Iterable[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.level == Level.ERROR]


def worst_level(levels: Iterable[str]) -> str:
    """Return the worst of some levels, "unknown" where there is none."""
    found = set(levels)
    return next((level for level in ("error", "warning", "ok") if level in found), "unknown")
