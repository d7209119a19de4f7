"""Tally one operation in two threads at once, and print how often it was counted.

A program: run by test_tallies_count_once.py on a database of its own.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "migrationsite.settings")

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connections  # noqa: E402
from django.utils import timezone  # noqa: E402

from nodes.health import tallying  # noqa: E402
from nodes.models import Measure, Operation, OperationState, Tally  # noqa: E402

# The second one must come to its end while the first is in the middle, or wait for it.
SECOND_MAY_TAKE_S = 1.5
_amounts = tallying._amounts
_in_the_middle, _second_has_ended = threading.Event(), threading.Event()


def _slowly(operation: Operation) -> Iterator[Any]:
    if threading.current_thread().name == "first":
        _in_the_middle.set()
        _second_has_ended.wait(SECOND_MAY_TAKE_S)
    return _amounts(operation)


def _tally() -> None:
    try:
        tallying.tally()
    finally:
        connections.close_all()


def _one_more() -> None:
    now = timezone.now()
    state = OperationState.SUCCEEDED
    Operation.objects.create(kind="checkpoint", state=state, started_at=now, ended_at=now)


call_command("migrate", verbosity=0)
_one_more()
# The tally's row is there already, as it is on a site that has run for a while.
tallying.tally()
_one_more()
tallying._amounts = _slowly
first = threading.Thread(target=_tally, name="first")
first.start()
_in_the_middle.wait(30)
_tally()
_second_has_ended.set()
first.join()
row = Tally.objects.get(measure=Measure.OPERATION)
print(f"counted {sum(row.counts)} times")
