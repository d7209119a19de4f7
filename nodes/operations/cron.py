"""Read cron expressions: five fields, in a time zone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import islice, takewhile

from cronsim import CronSim, CronSimError

_NUMBER_OF_FIELDS = 5
_MOST_CHARS = 100


class BadCron(ValueError):
    """An expression that cannot be meant; the message says why, as a sentence."""


def check_cron(expression: str) -> None:
    """Raise BadCron for what is no cron expression, or names a time that never comes."""
    if len(expression) > _MOST_CHARS:
        raise BadCron(f"A cron expression has at most {_MOST_CHARS} characters.")
    # cronsim takes a sixth field, of seconds, too: no container should be frozen that often.
    if len(expression.split()) != _NUMBER_OF_FIELDS:
        raise BadCron(
            "A cron expression has five fields: minute, hour, day of the month, month and day of "
            "the week, such as 0 3 * * * for every day at 03:00."
        )
    try:
        next(CronSim(expression, datetime(2024, 1, 1, tzinfo=UTC)))
    except CronSimError as error:
        raise BadCron(f"This cron expression cannot be read: {str(error).lower()}.") from error
    except StopIteration:
        raise BadCron("This cron expression names a time that never comes.") from None


def next_times(expression: str, after: datetime, zone: tzinfo, count: int) -> list[datetime]:
    """Return the ``count`` next times after ``after``, by the clocks of ``zone``, in UTC."""
    times = _in_utc(CronSim(expression, after.astimezone(zone)))
    # Where clocks go back, the first may be the earlier one of two of the same name.
    return list(islice((time for time in times if time > after), count))


def next_time(expression: str, after: datetime, zone: tzinfo) -> datetime:
    return next_times(expression, after, zone, 1)[0]


def latest_time(expression: str, due: datetime, now: datetime, zone: tzinfo) -> datetime:
    """Return the last time up to ``now``, of those that have come since ``due``."""
    # Backwards from now: forwards, a long absence would be years of minutes.
    end = (now + timedelta(seconds=1)).astimezone(zone)
    times = _in_utc(CronSim(expression, end, reverse=True))
    passed = takewhile(lambda time: time > due, times)
    return next((time for time in passed if time <= now), due)


def _in_utc(times: Iterable[datetime]) -> Iterator[datetime]:
    # Times of one zone are compared by what clocks show, which where they go back is wrong.
    return (time.astimezone(UTC) for time in times)


def in_words(expression: str) -> str:
    """Say when it is, without the time zone: "At 03:00 every day"."""
    return str(CronSim(expression, datetime(2024, 1, 1, tzinfo=UTC)).explain())
