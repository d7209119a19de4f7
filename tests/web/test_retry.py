"""What failed or was cancelled can be started again, with another option if that helps."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from nodes.models import Container, Node, Operation, OperationKind, OperationState
from nodes.templatetags.operations import retry_url
from tests.factories import make_archive, make_checkpoint, make_operation, make_restore


def retry(program: Client, operation: Operation, **options: Any) -> Any:
    address = f"/api/v1/operations/{operation.pk}/retry"
    return program.post(address, {"options": options}, content_type="application/json")


@pytest.fixture
def failed(counter: Container) -> Operation:
    return make_operation(
        counter.node,
        Node.objects.get(name="birch"),
        state=OperationState.FAILED,
        options={"file_locks": True},
    )


def test_the_option_of_the_diagnosis_is_set_over_those_that_it_had(
    oscars_program: Client, failed: Operation
) -> None:
    answer = retry(oscars_program, failed, tcp_established=True)
    assert answer.status_code == 202, answer.text
    again = Operation.objects.get(pk=answer.json()["id"])
    assert (again.options["file_locks"], again.options["tcp_established"]) == (True, True)
    assert (again.retry_of, answer.json()["retry_of"]) == (failed, failed.pk)
    assert answer["Location"] == f"/api/v1/operations/{again.pk}"


def test_an_option_that_there_is_not_starts_nothing(
    oscars_program: Client, failed: Operation
) -> None:
    assert retry(oscars_program, failed, tcp_open=True).status_code == 422
    assert Operation.objects.count() == 1


@pytest.mark.parametrize("state", ["queued", "running", "succeeded", "unknown"])
def test_only_what_has_failed_or_was_cancelled_is_retried(
    oscars_program: Client, failed: Operation, state: str
) -> None:
    Operation.objects.update(state=state)
    assert retry(oscars_program, failed).status_code == 409


def test_a_container_that_has_gone_cannot_be_retried(
    oscars_program: Client, failed: Operation
) -> None:
    Container.objects.all().delete()
    answer = retry(oscars_program, failed)
    assert (answer.status_code, answer.json()["code"]) == (409, "refused")
    assert "not on alder any more" in answer.text


def test_a_checkpoint_and_a_restore_are_retried_as_what_they_were(
    oscars_program: Client, counter: Container
) -> None:
    checkpoint = make_checkpoint(
        counter, state=OperationState.CANCELLED, options={"leave_running": True}
    )
    answer = retry(oscars_program, checkpoint).json()
    assert (answer["kind"], answer["options"]["leave_running"]) == ("checkpoint", True)
    Operation.objects.update(state=OperationState.FAILED)
    restore = make_restore(
        make_archive(counter.node), counter.node, state=OperationState.FAILED, options={}
    )
    answer = retry(oscars_program, restore, name="clone").json()
    assert (answer["kind"], answer["container"]) == ("restore", "clone")


def test_only_an_admin_retries_what_changes_a_node(
    oscars_program: Client, adas_program: Client, counter: Container
) -> None:
    prepare = Operation.objects.create(
        kind=OperationKind.PREPARE,
        source=counter.node,
        source_name="alder",
        state=OperationState.FAILED,
    )
    assert retry(oscars_program, prepare).status_code == 403
    assert retry(adas_program, prepare).json()["kind"] == "prepare"


def test_the_dialog_of_a_retry_ties_both_operations_together(
    oscars_browser: Client, failed: Operation
) -> None:
    Operation.objects.update(error={"message": "The port is taken."})
    offered = oscars_browser.get(retry_url(failed)).content.decode()
    assert f'<input type="hidden" name="retry_of" value="{failed.pk}">' in offered
    sent = {"destination": failed.destination_id, "retry_of": failed.pk}
    page = retry_url(failed).split("?")[0]
    second = oscars_browser.post(page, sent)["Location"]
    first = failed.get_absolute_url()
    assert f'<a href="{first}">an earlier one</a>' in oscars_browser.get(second).content.decode()
    page = oscars_browser.get(first).content.decode()
    assert f'<a href="{second}">tried again</a>' in page
    assert "that succeeded" not in page
    Operation.objects.exclude(pk=failed.pk).update(state=OperationState.SUCCEEDED)
    page = oscars_browser.get(first).content.decode()
    assert "that succeeded" in page
    assert retry_url(failed).replace("&", "&amp;") not in page


def test_what_failed_with_another_container_is_not_repeated(
    oscars_browser: Client, failed: Operation
) -> None:
    page = retry_url(failed).split("?")[0]
    Operation.objects.update(container_podman_id="f" * 64)
    sent = {"destination": failed.destination_id, "retry_of": failed.pk}
    oscars_browser.post(page, sent)
    assert Operation.objects.latest("pk").retry_of is None


@pytest.mark.parametrize("named", ["", "-1", "٣", "9" * 400, "1e3", "999999"])
def test_a_retry_of_what_there_is_not_starts_all_the_same(
    oscars_browser: Client, failed: Operation, named: str
) -> None:
    page = retry_url(failed).split("?")[0]
    sent = {"destination": failed.destination_id, "retry_of": named}
    assert oscars_browser.post(page, sent).status_code == 302
    assert Operation.objects.latest("pk").retry_of is None
