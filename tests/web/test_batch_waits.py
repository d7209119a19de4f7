"""What a batch does while a node or a container of it is in another operation."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from nodes.models import (
    Batch,
    BatchState,
    Container,
    Node,
    Operation,
    OperationKind,
    OperationState,
)
from nodes.operations import batches
from nodes.operations.batch_turn import turn
from tests.factories import make_batch, make_checkpoint, make_container, make_node
from tests.web.batch_hosts import podman_id

pytestmark = pytest.mark.django_db


def batch_of(node: Node, how_many: int, **values: Any) -> Batch:
    """Make a batch of containers that wait to go from a node to birch."""
    names = [f"c{number}" for number in range(how_many)]
    containers = [make_container(node, name, podman_id=podman_id(name)) for name in names]
    return make_batch(containers, Node.objects.get(name="birch"), **{"parallelism": 2, **values})


def prepare(node: Node, state: OperationState = OperationState.RUNNING) -> Operation:
    """Let a node be prepared, and what becomes of it."""
    return Operation.objects.create(
        kind=OperationKind.PREPARE, source=node, source_name=node.name, state=state
    )


def states(batch: Batch) -> list[str]:
    return list(batch.items.values_list("state", flat=True))


@pytest.mark.parametrize("busy", ["source", "destination", "containers"])
def test_a_turn_asks_the_database_the_same_however_many_wait(counter: Container, busy: str) -> None:
    def queries_of_a_turn() -> int:
        with CaptureQueriesContext(connection) as captured:
            turn()
        return len(captured)

    batch = batch_of(counter.node, 40)
    if busy == "containers":
        for container in Container.objects.exclude(pk=counter.pk):
            make_checkpoint(container)
    else:
        prepare(getattr(batch.items.all()[0], busy))
    assert queries_of_a_turn() <= 18
    assert queries_of_a_turn() <= 16
    assert set(states(batch)) == {"waiting"}
    assert all("operation" in item.reason for item in batch.items.all())


def test_they_begin_when_their_node_is_prepared(counter: Container) -> None:
    batch = batch_of(counter.node, 3)
    preparation = prepare(counter.node)
    turn()
    assert states(batch) == ["waiting", "waiting", "waiting"]
    Operation.objects.filter(pk=preparation.pk).update(state=OperationState.SUCCEEDED)
    turn()
    assert states(batch) == ["running", "running", "waiting"]
    assert batch.items.all()[0].reason == ""


def test_what_goes_by_other_nodes_is_not_held_up(counter: Container) -> None:
    batch = batch_of(counter.node, 2)
    elm, fir = make_node("elm"), make_node("fir")
    free = make_container(elm, "free", podman_id=podman_id("free"))
    batch.items.create(
        container_podman_id=free.podman_id,
        container_name=free.name,
        source=elm,
        source_name=elm.name,
        destination=fir,
        destination_name=fir.name,
    )
    prepare(counter.node)
    turn()
    assert states(batch) == ["waiting", "waiting", "running"]


def test_a_preparation_of_unknown_end_pauses_it_and_harms_no_container(counter: Container) -> None:
    batch = batch_of(counter.node, 3)
    preparation = prepare(counter.node, OperationState.UNKNOWN)
    for _ in range(2):
        turn()
        batch.refresh_from_db()
        assert (batch.state, batch.pause_reason) == (
            BatchState.PAUSED,
            f"alder is in use by operation {preparation.pk} (Prepare alder, unknown). "
            "Look at its operation.",
        )
        assert states(batch) == ["waiting", "waiting", "waiting"]
        batches.resume(None, batch)
    turn()
    Operation.objects.filter(pk=preparation.pk).update(state=OperationState.SUCCEEDED)
    turn()
    batch.refresh_from_db()
    assert (batch.state, batch.pause_reason) == (BatchState.PAUSED, "")
    batches.resume(None, batch)
    turn()
    assert states(batch) == ["running", "running", "waiting"]
