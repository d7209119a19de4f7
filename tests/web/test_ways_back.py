"""When nobody knows how an operation ended, a person is offered what is safe to do."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from nodes.models import AuditEvent, Container, Node, Operation, OperationKind, OperationState
from nodes.operations.container_hold import holder_of, take_hold
from tests.factories import (
    COUNTER_ID,
    make_archive,
    make_checkpoint,
    make_container,
    make_operation,
)

JOURNAL = {"checkpoint_sent": True, "restore_sent": True}


def unknown(counter: Container, **journal: Any) -> Operation:
    birch = Node.objects.get(name="birch")
    return make_operation(
        counter.node, birch, state=OperationState.UNKNOWN, journal={**JOURNAL, **journal}
    )


def offered(program: Client, operation: Operation) -> dict[str, dict[str, str]]:
    answer = program.get(f"/api/v1/operations/{operation.pk}").json()
    return {way["way"]: way for way in answer["ways_back"]}


def take(program: Client, operation: Operation, way: str, **told: Any) -> Any:
    return program.post(
        f"/api/v1/operations/{operation.pk}/way-back",
        {"way": way, **told},
        content_type="application/json",
    )


def test_an_unknown_migration_offers_what_fits_its_facts(
    oscars_program: Client, counter: Container
) -> None:
    operation = unknown(counter)
    assert list(offered(oscars_program, operation)) == ["look-again", "keep", "source", "settled"]
    archive = make_archive(counter.node)
    Operation.objects.update(archive=archive)
    assert "destination" in offered(oscars_program, operation)
    Operation.objects.update(journal={**JOURNAL, "committed": True})
    assert list(offered(oscars_program, operation)) == ["look-again", "settled"]


def test_before_the_restore_was_sent_the_source_alone_decides(
    oscars_program: Client, counter: Container
) -> None:
    operation = unknown(counter, restore_sent=False)
    assert list(offered(oscars_program, operation)) == ["look-again", "settled"]


def test_nothing_is_excluded_that_nobody_answers_for(
    oscars_program: Client, counter: Container
) -> None:
    operation = unknown(counter)
    refused = take(oscars_program, operation, "source")
    assert (refused.status_code, refused.json()["code"]) == (409, "not_assured")
    assert "birch is off" in refused.text
    operation.refresh_from_db()
    assert "destination_excluded" not in operation.journal


def test_the_source_alone_is_asked_once_somebody_answers_for_the_destination(
    oscars_program: Client, counter: Container
) -> None:
    operation = unknown(counter)
    assert take(oscars_program, operation, "source", assured=True).status_code == 202
    operation.refresh_from_db()
    assert operation.journal["destination_excluded"] is True
    assert operation.journal["rolling_back"] is True
    (event,) = AuditEvent.objects.filter(action="operation.source")
    assert (event.user_name, event.detail["assured"]) == ("oscar", True)


def test_the_archive_is_restored_on_the_destination_by_a_restore_of_its_own(
    oscars_program: Client, counter: Container
) -> None:
    operation = unknown(counter)
    archive = make_archive(counter.node)
    Operation.objects.update(archive=archive)
    taken = take(oscars_program, operation, "destination", assured=True)
    assert taken.status_code == 202, taken.text
    restore = Operation.objects.get(pk=taken.json()["id"])
    assert (restore.kind, restore.archive, restore.destination_name) == (
        OperationKind.RESTORE,
        archive,
        "birch",
    )
    operation.refresh_from_db()
    assert (operation.state, operation.error["code"]) == (OperationState.FAILED, "restore_chosen")
    assert operation.error["message"] == (
        f"oscar chose to restore it on birch: operation {restore.pk}."
    )
    assert offered(oscars_program, operation) == {}


def test_a_restore_that_was_chosen_and_failed_leaves_the_other_ways_open(
    oscars_program: Client, counter: Container
) -> None:
    operation = unknown(counter)
    Container.objects.update(state="exited")
    Operation.objects.update(archive=make_archive(counter.node))
    restore = take(oscars_program, operation, "destination", assured=True).json()["id"]
    Operation.objects.filter(pk=restore).update(state=OperationState.FAILED)
    operation.refresh_from_db()
    assert list(offered(oscars_program, operation)) == ["source", "destination"]
    assert take(oscars_program, operation, "source").status_code == 202


def test_what_was_answered_for_once_is_asked_at_the_next_look(
    oscars_program: Client, counter: Container
) -> None:
    operation = unknown(counter, destination_excluded=True, rolling_back=True)
    promise = offered(oscars_program, operation)["look-again"]["promise"]
    assert "What it did on birch since is lost" in promise
    assert take(oscars_program, operation, "look-again").status_code == 202
    operation.refresh_from_db()
    assert operation.journal["destination_excluded"] is False


def test_what_somebody_settled_by_hand_holds_the_container_no_longer(
    oscars_program: Client, counter: Container
) -> None:
    operation = unknown(counter)
    assert take(oscars_program, operation, "settled", assured=True).status_code == 202
    make_checkpoint(counter)
    again = take(oscars_program, operation, "settled", assured=True)
    assert again.status_code == 409


def test_an_unknown_checkpoint_is_looked_at_or_closed(
    oscars_program: Client, counter: Container
) -> None:
    operation = make_checkpoint(counter, state=OperationState.UNKNOWN)
    assert list(offered(oscars_program, operation)) == ["look-again", "settled"]
    assert take(oscars_program, operation, "source", assured=True).status_code == 409


def failed_rollback(counter: Container) -> Operation:
    Container.objects.update(state="exited")
    operation = unknown(counter, rolling_back=True)
    operation.state = OperationState.FAILED
    operation.error = {"code": "rollback_failed", "message": "It is stopped on alder."}
    operation.save()
    return operation


def test_a_rollback_that_failed_can_be_tried_again(
    oscars_program: Client, counter: Container
) -> None:
    operation = failed_rollback(counter)
    assert list(offered(oscars_program, operation)) == ["source"]
    assert take(oscars_program, operation, "source").status_code == 202
    operation.refresh_from_db()
    assert operation.state == OperationState.UNKNOWN
    # The destination is asked all the same: nobody has answered for it.
    assert operation.journal["destination_excluded"] is False


def test_a_failed_rollback_waits_for_whoever_has_the_container_now(
    oscars_program: Client, counter: Container
) -> None:
    operation = failed_rollback(counter)
    make_checkpoint(counter)
    refused = take(oscars_program, operation, "source")
    assert (refused.status_code, refused.json()["code"]) == (409, "already_moving")


def test_what_runs_somewhere_by_now_is_not_brought_back(
    oscars_program: Client, counter: Container
) -> None:
    operation = failed_rollback(counter)
    birch = Node.objects.get(name="birch")
    make_container(birch)
    assert offered(oscars_program, operation) == {}
    Container.objects.filter(node=birch).delete()
    assert list(offered(oscars_program, operation)) == ["source"]
    make_operation(counter.node, birch, state=OperationState.SUCCEEDED)
    assert offered(oscars_program, operation) == {}


def test_what_a_back_up_brought_along_is_only_closed(
    oscars_program: Client, counter: Container
) -> None:
    operation = unknown(counter)
    Operation.objects.update(error={"code": "restored_from_backup"})
    assert list(offered(oscars_program, operation)) == ["settled"]


def test_any_other_failure_needs_no_way_back(oscars_program: Client, counter: Container) -> None:
    operation = failed_rollback(counter)
    Operation.objects.update(error={"code": "restore_failed"})
    assert offered(oscars_program, operation) == {}


@pytest.mark.parametrize("way", ["source", "settled"])
def test_the_page_asks_for_the_assurance_in_words(
    oscars_browser: Client, counter: Container, way: str
) -> None:
    operation = unknown(counter)
    page = oscars_browser.get(operation.get_absolute_url()).content.decode()
    assert f'id="assured-{way}" required' in page
    address = f"/operations/{operation.pk}/way-back/"
    answer = oscars_browser.post(address, {"way": way}, follow=True)
    assert "Somebody has to answer" in answer.content.decode()
    oscars_browser.post(address, {"way": way, "assured": "on"})
    assert AuditEvent.objects.filter(action=f"operation.{way}").count() == 1


@pytest.mark.parametrize("way", ["source", "look-again"])
def test_no_way_back_is_taken_while_something_is_done_to_the_container(
    oscars_program: Client, counter: Container, way: str
) -> None:
    operation = failed_rollback(counter) if way == "source" else unknown(counter)
    assert take_hold(COUNTER_ID, holder_of(action="remove", user_name="ada", key="x"), 60)
    refused = take(oscars_program, operation, way)
    assert (refused.status_code, refused.json()["code"]) == (409, "in_action")
    before = operation.state
    operation.refresh_from_db()
    assert operation.state == before
