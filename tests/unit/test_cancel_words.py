"""Before an operation is cancelled its page says what that does."""

from __future__ import annotations

from typing import Any

import pytest

from nodes.models import Operation, OperationKind, OperationState
from nodes.templatetags.cancel_words import cancel_label, cancel_sentences, cancel_title


def operation(**values: Any) -> Operation:
    defaults = {
        "kind": OperationKind.MIGRATE,
        "state": OperationState.RUNNING,
        "container_name": "counter",
        "source_name": "alder",
        "destination_name": "birch",
    }
    return Operation(**{**defaults, **values})


def test_what_has_not_begun_changes_nothing() -> None:
    (sentence,) = cancel_sentences(operation(state=OperationState.QUEUED))
    assert "nothing was changed" in sentence


def test_before_the_checkpoint_the_container_just_stays() -> None:
    assert cancel_sentences(operation())[0].startswith("counter runs on alder and stays there")


def test_after_the_checkpoint_it_is_brought_back_and_is_down_until_then() -> None:
    told = " ".join(cancel_sentences(operation(journal={"checkpoint_sent": True})))
    assert "brought back on alder" in told
    assert "stays down" in told
    assert "birch" in told


def test_a_container_that_a_restore_has_replaced_already_is_named() -> None:
    restore = operation(kind=OperationKind.RESTORE, journal={"replaced": "7657"})
    assert any("removed already" in sentence for sentence in cancel_sentences(restore))


def test_the_question_names_what_would_be_cancelled() -> None:
    assert cancel_title(operation()) == "Cancel the migration of counter?"


@pytest.mark.parametrize("kind", OperationKind)
@pytest.mark.parametrize("state", [OperationState.QUEUED, OperationState.RUNNING])
def test_every_kind_has_its_words(kind: str, state: str) -> None:
    assert cancel_label(operation(kind=kind, state=state)).startswith("Cancel ")
    assert all(cancel_sentences(operation(kind=kind, state=state)))
