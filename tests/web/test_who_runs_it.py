"""When another process may take an operation up: to the second, by the database's clock."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from nodes.models import Operation, OperationKind, OperationState, Worker
from nodes.operations.queue import claim
from nodes.operations.worker import (
    STALE_AFTER_S,
    abandoned,
    others_go_on,
    say_alive,
    say_gone,
    say_stopping,
    this_worker,
)

pytestmark = pytest.mark.django_db


def running(worker: str, *, silent_s: float) -> Operation:
    return Operation.objects.create(
        kind=OperationKind.MIGRATE,
        state=OperationState.RUNNING,
        worker=worker,
        heartbeat_at=Now() - timedelta(seconds=silent_s),
    )


def other_worker(*, silent_s: float = 0, stopping: bool = False) -> None:
    seen_at = Now() - timedelta(seconds=silent_s)
    Worker.objects.create(name="other", seen_at=seen_at, stopping=stopping)


def test_only_what_was_silent_for_long_may_be_taken_up() -> None:
    alive = running("other", silent_s=STALE_AFTER_S - 5)
    dead = running("killed", silent_s=STALE_AFTER_S + 1)
    assert set(Operation.objects.filter(abandoned())) == {dead}
    assert claim(alive.pk, [OperationState.RUNNING], abandoned()) is None
    taken = claim(dead.pk, [OperationState.RUNNING], abandoned())
    assert taken is not None
    assert (taken.worker, taken.attempts) == (this_worker(), 1)
    assert not Operation.objects.filter(abandoned()).exists()


def test_what_was_handed_over_may_be_taken_up_at_once() -> None:
    operation = running("", silent_s=0)
    Operation.objects.update(heartbeat_at=None)
    assert list(Operation.objects.filter(abandoned())) == [operation]


@pytest.mark.parametrize("fate", [{"silent_s": STALE_AFTER_S + 1}, {"stopping": True}])
def test_nobody_takes_up_what_is_left_when_the_other_goes_too(fate: dict[str, float]) -> None:
    other_worker(**fate)  # type: ignore[arg-type]
    assert not say_stopping()
    assert Worker.objects.get(name=this_worker()).stopping


def test_another_one_is_believed_to_go_on_until_it_has_to_show_it() -> None:
    other_worker(silent_s=1)
    assert say_stopping()
    # It may have been killed a second ago.
    assert not others_go_on()
    Worker.objects.filter(name="other").update(seen_at=Now() + timedelta(seconds=1))
    assert others_go_on()


def test_a_worker_that_stops_leaves_no_row() -> None:
    say_alive()
    say_alive(stopping=True)
    assert Worker.objects.get(name=this_worker()).stopping
    say_gone()
    assert not Worker.objects.exists()
