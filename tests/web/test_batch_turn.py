"""What becomes of a batch, turn by turn; each turn may be the first of a site that was killed."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from nodes.models import (
    Batch,
    BatchItemState,
    BatchState,
    Container,
    Node,
    Operation,
    OperationState,
)
from nodes.operations import batches
from nodes.operations.batch_turn import MOST_ATTEMPTS, turn
from nodes.operations.start import Refused
from tests.factories import make_batch, make_checkpoint, make_container
from tests.web.batch_hosts import podman_id
from tests.web.batch_items import end, fail, operation_of, states

pytestmark = pytest.mark.django_db
NAMES = ["a", "b", "c", "d"]


@pytest.fixture
def containers(counter: Container) -> list[Container]:
    """Return four containers of alder."""
    return [make_container(counter.node, name, podman_id=podman_id(name)) for name in NAMES]


@pytest.fixture
def batch(containers: list[Container]) -> Batch:
    return make_batch(containers, Node.objects.get(name="birch"), parallelism=2)


def test_as_many_run_as_may(batch: Batch) -> None:
    assert turn() is True
    assert states(batch) == ["running", "running", "waiting", "waiting"]
    assert Operation.objects.count() == 2


def test_a_turn_without_news_changes_nothing(batch: Batch) -> None:
    turn()
    assert turn() is False
    assert Operation.objects.count() == 2


def test_the_next_begins_when_one_has_ended(batch: Batch) -> None:
    turn()
    end("b")
    turn()
    assert states(batch) == ["running", "succeeded", "running", "waiting"]


def test_it_ends_when_all_have(batch: Batch) -> None:
    for _ in range(2):
        turn()
        for item in batch.items.filter(state=BatchItemState.RUNNING):
            end(item.container_name)
    turn()
    batch.refresh_from_db()
    assert (batch.state, batch.is_active) == (BatchState.ENDED, False)
    assert set(states(batch)) == {"succeeded"}


def test_each_operation_is_the_wish_of_who_began_the_batch(batch: Batch, oscar: User) -> None:
    Batch.objects.update(created_by=oscar, options={"tcp_established": True})
    turn()
    operation = operation_of("a")
    assert operation.created_by == oscar
    assert operation.options["tcp_established"] is True
    assert (operation.source_name, operation.destination_name) == ("alder", "birch")


def test_it_goes_on_after_a_failure(batch: Batch) -> None:
    turn()
    fail("a")
    turn()
    assert states(batch) == ["failed", "running", "running", "waiting"]
    assert batch.items.get(container_name="a").reason == "a has no luck."


def test_it_pauses_on_a_failure_if_that_is_wanted(batch: Batch) -> None:
    Batch.objects.update(pause_on_failure=True)
    turn()
    fail("a")
    turn()
    batch.refresh_from_db()
    assert (batch.state, batch.pause_reason) == ("paused", "a could not be moved.")
    assert states(batch) == ["failed", "running", "waiting", "waiting"]


def test_it_pauses_when_nobody_knows_where_a_container_is(batch: Batch) -> None:
    turn()
    end("a", OperationState.UNKNOWN, error={"code": "x", "message": "Nobody answers."})
    turn()
    batch.refresh_from_db()
    assert batch.state == BatchState.PAUSED
    assert "Nobody knows where a runs" in batch.pause_reason
    assert states(batch) == ["failed", "running", "waiting", "waiting"]


def test_what_looking_again_finds_moved_counts_as_moved(batch: Batch) -> None:
    turn()
    end("a", OperationState.UNKNOWN)
    turn()
    end("a")
    turn()
    assert batch.items.get(container_name="a").state == BatchItemState.SUCCEEDED


def test_a_cancelled_batch_leaves_what_waits_and_lets_the_others_finish(batch: Batch) -> None:
    turn()
    batches.cancel(None, batch)
    turn()
    assert states(batch) == ["running", "running", "skipped", "skipped"]
    end("a")
    end("b")
    turn()
    batch.refresh_from_db()
    assert (batch.state, batch.is_active) == (BatchState.CANCELLED, False)
    assert states(batch) == ["succeeded", "succeeded", "skipped", "skipped"]


def test_cancelling_all_of_it_cancels_what_is_under_way(batch: Batch) -> None:
    turn()
    batches.cancel(None, batch, stop_running=True)
    turn()
    assert set(states(batch)) == {"skipped"}
    assert set(Operation.objects.values_list("state", flat=True)) == {OperationState.CANCELLED}
    batch.refresh_from_db()
    assert batch.is_active is False


def test_one_that_somebody_cancels_is_left_and_pauses_nothing(batch: Batch) -> None:
    Batch.objects.update(pause_on_failure=True)
    turn()
    end("a", OperationState.CANCELLED, cancel_requested=True, error={"message": "Cancelled."})
    turn()
    batch.refresh_from_db()
    assert batch.state == BatchState.RUNNING
    assert states(batch) == ["skipped", "running", "running", "waiting"]


@pytest.mark.parametrize(
    "state, error",
    [
        (OperationState.CANCELLED, {"code": "cancelled", "message": "Cancelled."}),
        (OperationState.FAILED, {"code": "interrupted", "message": "The site was stopped."}),
    ],
)
def test_what_the_sites_own_stop_took_back_is_begun_again(
    batch: Batch, state: OperationState, error: dict[str, str]
) -> None:
    turn()
    first = operation_of("a")
    end("a", state, error=error)
    turn()
    assert states(batch) == ["running", "running", "waiting", "waiting"]
    assert operation_of("a") != first


def test_it_is_not_begun_again_for_ever(batch: Batch) -> None:
    for _ in range(MOST_ATTEMPTS):
        turn()
        end("a", OperationState.FAILED, error={"code": "interrupted", "message": "Stopped."})
    turn()
    assert batch.items.get(container_name="a").state == BatchItemState.FAILED
    assert Operation.objects.filter(container_name="a").count() == MOST_ATTEMPTS


def test_in_a_cancelled_batch_nothing_is_begun_again(batch: Batch) -> None:
    turn()
    batches.cancel(None, batch)
    for name in "ab":
        end(name, OperationState.CANCELLED, error={"message": "Cancelled."})
    turn()
    batch.refresh_from_db()
    assert (set(states(batch)), batch.is_active) == ({"skipped"}, False)


def test_one_that_is_in_another_operation_waits_and_holds_nobody_up(
    batch: Batch, containers: list[Container]
) -> None:
    checkpoint = make_checkpoint(containers[0])
    turn()
    assert states(batch) == ["waiting", "running", "running", "waiting"]
    assert f"already in operation {checkpoint.pk}" in batch.items.all()[0].reason
    assert turn() is False
    Operation.objects.filter(pk=checkpoint.pk).update(state=OperationState.SUCCEEDED)
    end("b")
    turn()
    assert states(batch) == ["running", "succeeded", "running", "waiting"]
    assert batch.items.all()[0].reason == ""


def test_one_that_ran_into_an_operation_of_unknown_end_fails(
    batch: Batch, containers: list[Container]
) -> None:
    make_checkpoint(containers[0], state=OperationState.UNKNOWN)
    turn()
    batch.refresh_from_db()
    assert states(batch)[0] == BatchItemState.FAILED
    assert batch.state == BatchState.PAUSED


def test_one_that_has_stopped_or_gone_meanwhile_is_left(
    batch: Batch, containers: list[Container]
) -> None:
    Container.objects.filter(pk=containers[0].pk).update(state="exited")
    containers[1].delete()
    turn()
    assert states(batch) == ["skipped", "skipped", "running", "running"]
    assert [item.reason for item in batch.items.all()[:2]] == [
        "It is exited, not running: there is no memory to move.",
        "It is not on alder any more.",
    ]


def test_a_destination_that_was_removed_fails_what_was_to_go_there(batch: Batch) -> None:
    Node.objects.get(name="birch").delete()
    turn()
    batch.refresh_from_db()
    assert set(states(batch)) == {"failed"}
    assert batch.state == BatchState.ENDED
    assert batch.items.all()[0].reason == "The node birch was removed from the site."


def test_those_that_failed_begin_again_when_asked(batch: Batch) -> None:
    turn()
    fail("a")
    end("b")
    turn()
    end("c")
    end("d")
    turn()
    end("d")
    turn()
    batch.refresh_from_db()
    assert batch.state == BatchState.ENDED
    assert batches.retry(None, batch) == 1
    turn()
    batch.refresh_from_db()
    assert (batch.state, batch.is_active) == (BatchState.RUNNING, True)
    assert states(batch)[0] == BatchItemState.RUNNING
    assert operation_of("a").state == OperationState.QUEUED


def test_one_of_which_nobody_knows_where_it_is_cannot_be_tried_again(batch: Batch) -> None:
    turn()
    end("a", OperationState.UNKNOWN)
    turn()
    with pytest.raises(Refused):
        batches.retry(None, batch)
    assert states(batch)[0] == BatchItemState.FAILED


def test_what_has_begun_cannot_be_left_any_more(batch: Batch) -> None:
    turn()
    with pytest.raises(Refused, match="does not wait"):
        batches.skip(None, batch.items.get(container_name="a"))


@pytest.mark.parametrize("act", [batches.pause, batches.cancel, batches.resume])
def test_an_ended_batch_cannot_be_changed(batch: Batch, act: object) -> None:
    Batch.objects.update(state=BatchState.ENDED)
    with pytest.raises(Refused, match="The batch is ended"):
        act(None, batch)  # type: ignore[operator]


def test_one_broken_batch_holds_no_other_up(
    batch: Batch, containers: list[Container], monkeypatch: pytest.MonkeyPatch
) -> None:
    birch = Node.objects.get(name="birch")
    elm = make_container(birch, "elm", podman_id=podman_id("elm"))
    make_batch([elm], Node.objects.get(name="alder"))
    Batch.objects.filter(pk=batch.pk).update(options=[])
    turn()
    assert operation_of("elm").state == OperationState.QUEUED
    assert set(states(batch)) == {"waiting"}
