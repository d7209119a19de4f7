"""What pauses a batch, how long its reason holds, and who goes on with it in whose name."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from nodes.models import (
    AuditEvent,
    Batch,
    BatchItemState,
    BatchState,
    Container,
    Node,
    OperationState,
)
from nodes.models.role import Role, assign_role
from nodes.operations import batches
from nodes.operations.batch_turn import turn
from nodes.operations.start import Refused
from tests.factories import make_batch, make_container
from tests.web.batch_hosts import podman_id
from tests.web.batch_items import end, fail, operation_of, states

pytestmark = pytest.mark.django_db


@pytest.fixture
def batch(counter: Container) -> Batch:
    """Return a batch of four containers of alder, of which two move at once."""
    containers = [make_container(counter.node, name, podman_id=podman_id(name)) for name in "abcd"]
    return make_batch(containers, Node.objects.get(name="birch"), parallelism=2)


@pytest.mark.parametrize("what", ["locked", "role", "removed"])
def test_it_does_not_go_on_for_somebody_who_may_not_operate_any_more(
    batch: Batch, oscar: User, what: str
) -> None:
    Batch.objects.update(created_by=oscar)
    turn()
    if what == "locked":
        User.objects.filter(pk=oscar.pk).update(is_active=False)
    elif what == "role":
        assign_role(oscar, Role.VIEWER)
    else:
        oscar.delete()
    end("a")
    turn()
    batch.refresh_from_db()
    assert batch.state == BatchState.PAUSED
    who = "Who began it has no account" if what == "removed" else "oscar began it and may not start"
    assert batch.pause_reason.startswith(who)
    assert states(batch) == ["succeeded", "running", "waiting", "waiting"]


@pytest.mark.parametrize("act, state", [("resume", "paused"), ("retry", "ended")])
def test_whoever_goes_on_with_it_then_does_so_in_their_own_name(
    batch: Batch, oscar: User, ada: User, act: str, state: str
) -> None:
    User.objects.filter(pk=oscar.pk).update(is_active=False)
    Batch.objects.update(created_by=oscar, state=state)
    batch.items.filter(container_name="a").update(state=BatchItemState.FAILED)
    getattr(batches, act)(ada, batch)
    turn()
    assert operation_of("b").created_by == ada
    told = AuditEvent.objects.get(action=f"batch.{act}")
    assert (told.user_name, told.detail["in_place_of"]) == ("ada", "oscar")


def test_it_stays_the_wish_of_who_began_it_when_somebody_else_resumes_it(
    batch: Batch, oscar: User, ada: User
) -> None:
    Batch.objects.update(created_by=oscar, state=BatchState.PAUSED)
    batches.resume(ada, batch)
    turn()
    assert operation_of("a").created_by == oscar


@pytest.mark.parametrize("found", [OperationState.SUCCEEDED, OperationState.FAILED])
def test_the_reason_of_a_pause_goes_when_it_is_settled(batch: Batch, found: OperationState) -> None:
    turn()
    for name in "ab":
        end(name, OperationState.UNKNOWN)
    turn()
    for name, reason in (("a", "Nobody knows where b runs. Look at its operation."), ("b", "")):
        # While somebody looks again it is no more certain.
        end(name, OperationState.RUNNING)
        assert turn() is False
        end(name, found)
        assert turn() is True
        batch.refresh_from_db()
        assert (batch.state, batch.pause_reason) == (BatchState.PAUSED, reason)


def test_the_reason_of_a_failure_stays(batch: Batch) -> None:
    Batch.objects.update(pause_on_failure=True)
    turn()
    fail("a")
    turn()
    turn()
    batch.refresh_from_db()
    assert batch.pause_reason == "a could not be moved."


def test_a_paused_batch_begins_nothing_and_notes_what_ends(batch: Batch) -> None:
    turn()
    batches.pause(None, batch)
    end("a")
    turn()
    assert states(batch) == ["succeeded", "running", "waiting", "waiting"]
    batches.resume(None, batch)
    turn()
    assert states(batch) == ["succeeded", "running", "running", "waiting"]


def test_a_paused_batch_of_which_nothing_is_left_ends(batch: Batch) -> None:
    turn()
    batches.pause(None, batch)
    for name in "cd":
        batches.skip(None, batch.items.get(container_name=name))
    end("a")
    end("b")
    turn()
    batch.refresh_from_db()
    assert (batch.state, batch.pause_reason) == (BatchState.ENDED, "")


def test_what_is_tried_again_in_a_paused_batch_waits_until_it_is_resumed(batch: Batch) -> None:
    turn()
    end("a", OperationState.UNKNOWN)
    fail("b")
    turn()
    assert batches.retry(None, batch) == 1
    turn()
    batch.refresh_from_db()
    assert batch.state == BatchState.PAUSED
    assert "Nobody knows where a runs" in batch.pause_reason
    assert states(batch) == ["failed", "waiting", "waiting", "waiting"]
    batches.resume(None, batch)
    turn()
    assert states(batch) == ["failed", "running", "running", "waiting"]


def test_nothing_is_tried_again_while_a_batch_is_being_cancelled(batch: Batch) -> None:
    turn()
    fail("a")
    turn()
    batches.cancel(None, batch)
    with pytest.raises(Refused, match="being cancelled"):
        batches.retry(None, batch)
    turn()
    batch.refresh_from_db()
    assert batch.state == BatchState.CANCELLED
    assert states(batch) == ["failed", "running", "running", "skipped"]
    for name in "bc":
        end(name)
    turn()
    assert batches.retry(None, batch) == 1
    turn()
    assert states(batch) == ["running", "succeeded", "succeeded", "skipped"]
