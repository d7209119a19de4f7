"""What the pages say of schedules: when, what a run came to, and which rules keep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import template

from nodes.models import KeepRulesFields, OperationState, ScheduleRun
from nodes.operations.cron import BadCron, check_cron, in_words
from nodes.templatetags.units import bytes_text

register = template.Library()


@register.filter
def cron_words(expression: str) -> str:
    """Say when it is: "At 03:00 every day"; the expression itself if it cannot be read."""
    try:
        check_cron(expression)
    except BadCron:
        return expression
    return in_words(expression)


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """``state`` is a word that badges know."""

    state: str
    text: str
    active: bool = False


@register.filter
def run_result(run: ScheduleRun) -> RunResult:
    """Sum up what became of a run's operations."""
    operations = list(run.operations.all())
    done = [each for each in operations if each.state == OperationState.SUCCEEDED]
    if any(each.is_active for each in operations):
        return RunResult(
            state="running", text=f"{len(done)} of {len(operations)} done", active=True
        )
    failed = len(operations) - len(done)
    told = [_archives(len(done))] if done else []
    told += [f"{failed} failed"] if failed else []
    told += [f"{len(run.skipped)} skipped"] if run.skipped else []
    if failed or run.skipped:
        return RunResult(state="failed" if failed else "unknown", text=", ".join(told))
    return RunResult(state="succeeded" if done else "", text=", ".join(told) or "Nothing fitted")


def _archives(count: int) -> str:
    return "1 archive" if count == 1 else f"{count} archives"


@register.filter
def rule_words(rule: KeepRulesFields) -> list[str]:
    """Return the rules that are set, in words."""
    words = [
        f"{kind} {count}"
        for kind, count in (
            ("last", rule.keep_last),
            ("hourly", rule.keep_hourly),
            ("daily", rule.keep_daily),
            ("weekly", rule.keep_weekly),
        )
        if count
    ]
    if rule.max_age_days:
        words.append(f"{rule.max_age_days} days at most")
    if rule.max_total_bytes:
        words.append(f"{bytes_text(rule.max_total_bytes)} at most")
    return words


@register.filter
def percent_of(part: int, whole: Any) -> float:
    """Return the part in percent, 0 of nothing."""
    return round(part / whole * 100, 2) if whole else 0.0
