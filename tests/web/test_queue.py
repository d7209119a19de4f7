"""A node takes so many operations at once; the others wait in a line that everybody can see."""

from __future__ import annotations

import threading

import pytest
from django.db import connection
from django.test import Client
from pytest_django.fixtures import Settings

from nodes.models import Node, Operation, OperationState
from nodes.operations import worker
from nodes.operations.queue import claim, full_nodes, place_in_line, startable
from tests.factories import make_node, make_operation

QUEUED = [OperationState.QUEUED]
LEFT = [OperationState.RUNNING, OperationState.UNKNOWN]


@pytest.fixture
def alder(db: None) -> Node:
    return make_node()


@pytest.fixture
def birch(db: None) -> Node:
    return make_node("birch")


def queue(source: Node, destination: Node, number: int, **values: object) -> Operation:
    return make_operation(source, destination, container_podman_id=f"{number:064x}", **values)


def test_a_node_that_is_full_lets_others_go_first(
    alder: Node, birch: Node, settings: Settings
) -> None:
    settings.FERRY_OPERATIONS_PER_NODE = 1
    queue(alder, birch, 1, state=OperationState.RUNNING)
    waiting = queue(birch, make_node("cedar"), 2)
    free = queue(make_node("dogwood"), make_node("elder"), 3)
    assert startable(10) == [free.pk]
    assert full_nodes([waiting, free]) == {waiting.pk: ["birch"], free.pk: []}
    assert claim(waiting.pk, QUEUED) is None
    assert claim(free.pk, QUEUED) is not None


def test_what_begins_now_counts_for_what_is_behind_it(
    alder: Node, birch: Node, settings: Settings
) -> None:
    settings.FERRY_OPERATIONS_PER_NODE = 2
    first, second, third = (queue(alder, birch, number) for number in (1, 2, 3))
    assert startable(10) == [first.pk, second.pk]
    assert startable(1) == [first.pk]
    assert startable(0) == []
    assert place_in_line(third) == 2


def test_an_operation_on_one_node_counts_once_there(
    alder: Node, birch: Node, settings: Settings
) -> None:
    settings.FERRY_OPERATIONS_PER_NODE = 2
    queue(alder, alder, 1, state=OperationState.RUNNING)
    beside_it = queue(alder, birch, 2)
    assert startable(10) == [beside_it.pk]


def test_whoever_claims_it_is_written_down(alder: Node, birch: Node) -> None:
    operation = queue(alder, birch, 1)
    claimed = claim(operation.pk, QUEUED)
    assert claimed is not None
    assert claimed.worker == worker.this_worker()
    assert (claimed.state, claimed.attempts) == (OperationState.RUNNING, 1)
    assert claimed.heartbeat_at is not None
    assert claim(operation.pk, QUEUED) is None


@pytest.mark.django_db(transaction=True)
def test_of_many_that_claim_at_once_one_gets_it() -> None:
    operation = queue(make_node(), make_node("birch"), 1)
    together = threading.Barrier(4)
    claimed = []

    def try_to() -> None:
        together.wait()
        claimed.append(claim(operation.pk, QUEUED))
        connection.close()

    threads = [threading.Thread(target=try_to) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([each for each in claimed if each]) == 1


def test_a_live_worker_keeps_its_operation_and_a_silent_one_loses_it(
    alder: Node, birch: Node
) -> None:
    operation = queue(alder, birch, 1)
    claim(operation.pk, QUEUED)
    assert claim(operation.pk, LEFT, worker.abandoned()) is None
    Operation.objects.update(worker="gone:1:00", heartbeat_at="2026-01-01T00:00:00Z")
    taken = claim(operation.pk, LEFT, worker.abandoned())
    assert taken is not None
    assert (taken.worker, taken.attempts) == (worker.this_worker(), 2)


def test_a_beat_tells_of_a_cancel_and_of_a_take_over(alder: Node, birch: Node) -> None:
    operation = queue(alder, birch, 1)
    claim(operation.pk, QUEUED)
    assert worker.beat(operation.pk) is False
    Operation.objects.update(cancel_requested=True)
    assert worker.beat(operation.pk) is True
    Operation.objects.update(worker="another:2:00")
    assert worker.beat(operation.pk) is None


def test_a_process_that_says_it_lives_is_known_to_others(db: None) -> None:
    worker.say_alive()
    assert not worker.say_stopping()
    worker.Worker.objects.update(name="another:2:00", stopping=False)
    assert worker.say_stopping()
    worker.Worker.objects.update(stopping=True)
    assert not worker.say_stopping()


def test_a_queued_operation_says_what_it_waits_for(
    oscars_browser: Client, alder: Node, birch: Node, settings: Settings
) -> None:
    settings.FERRY_OPERATIONS_PER_NODE = 1
    queue(alder, make_node("cedar"), 1, state=OperationState.RUNNING)
    queue(birch, make_node("dogwood"), 2)
    waiting = queue(alder, birch, 3)
    told = "Waits: alder is busy with other operations; 1 before it in the queue."
    assert told in oscars_browser.get(waiting.get_absolute_url()).content.decode()
    assert told in oscars_browser.get("/operations/").content.decode()
