"""An action and an operation on one container never both begin, whichever nodes they lock."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from nodes.models import Archive, Container, Lease, Node, Operation
from nodes.operations import container_action, start_restore
from nodes.operations.action_request import Action, ActionRequest
from nodes.operations.container_hold import holder_of, take_hold
from nodes.operations.start import AlreadyMoving, InAction
from nodes.podman.options import RestoreOptions
from tests.factories import COUNTER_ID, make_archive, make_container, make_node, make_restore

pytestmark = pytest.mark.usefixtures("archives_folder")
WAITS_S = 0.5
STOP = ActionRequest(action=Action.STOP)


def restore_on_birch() -> Operation:
    archive = Archive.objects.get()
    birch = Node.objects.get(name="birch")
    return start_restore.start_restore(None, archive, birch, RestoreOptions())


@pytest.mark.django_db
def test_an_operation_writes_the_containers_lease_before_its_own_row(counter: Container) -> None:
    make_archive(counter.node)
    with CaptureQueriesContext(connection) as asked:
        restore_on_birch()
    written = [query["sql"] for query in asked if query["sql"].startswith("INSERT")]
    tables = [sql.split('"')[1] for sql in written]
    assert tables.index("nodes_lease") < tables.index("nodes_operation")
    assert not Lease.objects.exists()


@pytest.mark.django_db
def test_an_action_sees_the_operation_that_it_waited_for(
    counter: Container, oscar: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def waits(podman_id: str, holder: str, seconds: float) -> bool:
        # What the other transaction wrote is there once this one has the row.
        make_restore(make_archive(counter.node), Node.objects.get(name="birch"))
        return take_hold(podman_id, holder, seconds)

    monkeypatch.setattr(container_action, "take_hold", waits)
    with pytest.raises(AlreadyMoving):
        container_action.begin(oscar, counter, STOP)


@pytest.fixture
def at_once() -> Callable[[Callable[[], object]], threading.Thread]:
    """Do something in another connection."""

    def begin(work: Callable[[], object]) -> threading.Thread:
        def body() -> None:
            try:
                work()
            finally:
                connection.close()

        thread = threading.Thread(target=body)
        thread.start()
        return thread

    return begin


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("first", ["action", "operation"])
def test_of_two_that_begin_together_on_different_nodes_the_second_is_refused(
    at_once: Callable[[Callable[[], object]], threading.Thread], first: str
) -> None:
    counter = make_container(make_node("alder"))
    make_node("birch")
    make_archive(counter.node)
    refused: list[str] = []

    def act() -> None:
        container_action.begin(None, counter, STOP)

    def told(work: Callable[[], object]) -> None:
        try:
            work()
        except (AlreadyMoving, InAction) as error:
            refused.append(error.code)

    one, other = (act, restore_on_birch) if first == "action" else (restore_on_birch, act)
    with transaction.atomic():
        one()
        second = at_once(lambda: told(other))
        second.join(WAITS_S)
        assert second.is_alive(), "it waits until the first has ended"
    second.join()
    assert refused == ["in_action" if first == "action" else "already_moving"]


@pytest.mark.django_db
def test_a_hold_refuses_an_operation_on_other_nodes(counter: Container) -> None:
    make_archive(counter.node)
    assert take_hold(COUNTER_ID, holder_of(action="stop", user_name="ada", key="x"), 60)
    with pytest.raises(InAction, match="stop, by ada"):
        restore_on_birch()
    assert Lease.objects.count() == 1
