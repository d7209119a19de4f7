"""Decide which archives stay: Proxmox's keep rules, an age and a total size.

https://pbs.proxmox.com/docs/prune-simulator/ shows the keep rules at work.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass(frozen=True, kw_only=True)
class KeepRules:
    """What is kept of each container, and how old and large all may become; None is no rule."""

    keep_last: int | None = None
    keep_hourly: int | None = None
    keep_daily: int | None = None
    keep_weekly: int | None = None
    max_age_days: int | None = None
    max_total_bytes: int | None = None

    @property
    def keeps(self) -> bool:
        """Tell whether any rule says what to keep; without one nothing goes for want of one."""
        return any((self.keep_last, self.keep_hourly, self.keep_daily, self.keep_weekly))

    @property
    def is_empty(self) -> bool:
        return not (self.keeps or self.max_age_days or self.max_total_bytes)


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """An archive under a rule. ``created_at`` is in the time zone whose days and hours count."""

    key: int
    # What tells containers apart, and the name to call this one.
    container: str
    container_name: str
    created_at: datetime
    size_bytes: int
    pinned: bool = False
    # An unfinished operation needs it.
    needed: bool = False
    # The newest of a container that is nowhere any more.
    last_copy: bool = False
    # The newest good one of its container: its age alone is no reason to let it go.
    newest: bool = False
    # Why it cannot stand for a good archive: "" when it can.
    defect: str = ""

    def age_of(self, now: datetime) -> timedelta:
        # Times of one zone are subtracted by what clocks show, which where they go back is wrong.
        return now.astimezone(UTC) - self.created_at.astimezone(UTC)

    @property
    def protection(self) -> str:
        """Say why it may not go, whatever the rules say; "" when it may."""
        if self.pinned:
            return "It is pinned."
        if self.defect:
            return f"{self.defect} Somebody should look at it first."
        if self.needed:
            return "An operation needs it."
        if self.last_copy:
            return (
                f"It is the last copy of {self.container_name}: the container exists nowhere "
                "any more. Delete it by hand if nobody wants it."
            )
        return ""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """``protected`` is what stays whatever the rules say."""

    key: int
    keep: bool
    reason: str
    protected: bool = False


def judge(archives: Iterable[Candidate], rules: KeepRules, *, now: datetime) -> dict[int, Verdict]:
    """Say of each archive whether it stays, and why.

    Judging what is left again, with nothing changed, deletes nothing more.
    """
    newest_first = sorted(archives, key=lambda each: (each.age_of(now), -each.key))
    keep = {} if rules.is_empty else _kept(newest_first, rules)
    drop = {} if rules.is_empty else _dropped(newest_first, rules, keep, now)
    verdicts = {}
    for each in newest_first:
        if each.key in drop:
            verdicts[each.key] = Verdict(key=each.key, keep=False, reason=drop[each.key])
        else:
            reason = each.protection or keep.get(each.key) or _spared(each, rules, now)
            verdicts[each.key] = Verdict(
                key=each.key, keep=True, reason=reason, protected=bool(each.protection)
            )
    return verdicts


def _is_too_old(archive: Candidate, rules: KeepRules, now: datetime) -> bool:
    days = rules.max_age_days
    return days is not None and days > 0 and archive.age_of(now) > timedelta(days=days)


def _spared(archive: Candidate, rules: KeepRules, now: datetime) -> str:
    if archive.newest and _is_too_old(archive, rules, now):
        return f"It is old, but there is no newer one of {archive.container_name}."
    return "No rule says that it should go."


def _counts(archive: Candidate) -> bool:
    """Tell whether it takes one of the places that the keep rules give.

    Neither a pinned one, as in Proxmox, nor one that could not be restored.
    """
    return not archive.pinned and not archive.defect


def _kept(newest_first: Sequence[Candidate], rules: KeepRules) -> dict[int, str]:
    """Return what the keep rules keep, with the rule that does."""
    by_container = defaultdict(list)
    for archive in newest_first:
        if _counts(archive):
            by_container[archive.container].append(archive)
    kept: dict[int, str] = {}
    for archives in by_container.values():
        kept.update(_kept_of_container(archives, rules))
    return kept


def _kept_of_container(newest_first: Sequence[Candidate], rules: KeepRules) -> dict[int, str]:
    name = newest_first[0].container_name
    place = "The last one" if rules.keep_last == 1 else f"One of the last {rules.keep_last}"
    kept = {archive.key: f"{place} of {name}." for archive in newest_first[: rules.keep_last or 0]}
    # In this order: a finer rule has taken its pick before a coarser one looks.
    passed_over: set[int] = set()
    for count, period, period_of in (
        (rules.keep_hourly, "hour", _hour),
        (rules.keep_daily, "day", _day),
        (rules.keep_weekly, "week", _week),
    ):
        reason = f"The newest of {name} in its {period}."
        for key in _newest_of_periods(newest_first, count or 0, period_of, kept, passed_over):
            kept[key] = reason
    return kept


def _newest_of_periods(
    newest_first: Sequence[Candidate],
    count: int,
    period_of: Callable[[datetime], object],
    kept: dict[int, str],
    passed_over: set[int],
) -> list[int]:
    """Pick the newest of each of the last ``count`` periods that have none which is kept yet.

    What a period has beside its pick is passed over, by the coarser rules too.
    """
    have_one = {period_of(each.created_at) for each in newest_first if each.key in kept}
    picked: dict[object, int] = {}
    for archive in newest_first:
        period = period_of(archive.created_at)
        if archive.key in kept or archive.key in passed_over or period in have_one:
            continue
        if period in picked:
            passed_over.add(archive.key)
        elif len(picked) < count:
            picked[period] = archive.key
        else:
            break
    return list(picked.values())


def _hour(at: datetime) -> object:
    # With the offset: when clocks go back, an hour of the same name comes twice.
    return at.date(), at.hour, at.utcoffset()


def _day(at: datetime) -> object:
    return at.date()


def _week(at: datetime) -> object:
    year, week, _ = at.isocalendar()
    return year, week


def _dropped(
    newest_first: Sequence[Candidate], rules: KeepRules, keep: dict[int, str], now: datetime
) -> dict[int, str]:
    """Return what goes, with the reason."""
    drop: dict[int, str] = {}
    for archive in newest_first:
        if archive.protection:
            continue
        if _is_too_old(archive, rules, now) and not archive.newest:
            drop[archive.key] = f"It is older than {_days(rules.max_age_days or 0)}."
        elif rules.keeps and archive.key not in keep:
            drop[archive.key] = "No keep rule covers it."
    if rules.max_total_bytes:
        _drop_over_total(newest_first, rules.max_total_bytes, drop)
    return drop


def _drop_over_total(
    newest_first: Sequence[Candidate], most_bytes: int, drop: dict[int, str]
) -> None:
    """Let the oldest go until the rest, protected archives included, is small enough."""
    total_bytes = sum(each.size_bytes for each in newest_first if each.key not in drop)
    for archive in reversed(newest_first):
        if total_bytes <= most_bytes:
            return
        if archive.protection or archive.key in drop:
            continue
        drop[archive.key] = f"All together are over {_size(most_bytes)}, and it is the oldest."
        total_bytes -= archive.size_bytes


def _days(count: int) -> str:
    return "1 day" if count == 1 else f"{count} days"


def _size(number: int) -> str:
    size = float(number)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"
