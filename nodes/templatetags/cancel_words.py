"""Say what cancelling an operation will do, before anybody does it."""

from __future__ import annotations

from django import template

from nodes.models import Operation, OperationKind, OperationState

register = template.Library()


@register.filter
def cancel_label(operation: Operation) -> str:
    """Return what the button that cancels it says."""
    if operation.state == OperationState.RUNNING:
        if operation.kind == OperationKind.MIGRATE:
            return f"Cancel and keep it on {operation.source_name}"
        if operation.kind == OperationKind.CHECKPOINT:
            return "Cancel and let it run on"
    return f"Cancel {_WORDS[OperationKind(operation.kind)]}"


@register.filter
def cancel_title(operation: Operation) -> str:
    return f"Cancel the {_WORDS[OperationKind(operation.kind)]} of {operation.subject}?"


@register.filter
def cancel_sentences(operation: Operation) -> list[str]:
    """Say what stops, what is undone, and what stays."""
    if operation.state == OperationState.QUEUED:
        return ["It has not begun: nothing was changed, and nothing will be."]
    return _SENTENCES[OperationKind(operation.kind)](operation)


def _migration(operation: Operation) -> list[str]:
    name, source = operation.container_name, operation.source_name
    if not operation.journal.get("checkpoint_sent"):
        return [
            f"{name} runs on {source} and stays there: it has not been stopped yet.",
            f"Should its checkpoint begin before you confirm, it is brought back on {source}.",
        ]
    return [
        f"{name} is stopped for its checkpoint. It is brought back on {source} with its memory "
        "as it was; until then it stays down.",
        f"What {operation.destination_name} has of it is removed first.",
        "An archive that is whole by then stays in the catalog.",
    ]


def _checkpoint(operation: Operation) -> list[str]:
    name, node = operation.container_name, operation.source_name
    return [f"{name} runs on on {node}, or is brought back there.", "No archive is kept."]


def _restore(operation: Operation) -> list[str]:
    told = [
        f"What was restored on {operation.destination_name} so far is stopped and removed.",
        "The archive stays in the catalog.",
    ]
    if operation.journal.get("replaced"):
        told.append("The stopped container that it replaces is removed already.")
    return told


def _preparation(operation: Operation) -> list[str]:
    return [
        "A package manager that is at work finishes first; then nothing more is done.",
        f"Packages that are installed on {operation.source_name} stay.",
        "Containers that run are not stopped.",
    ]


def _selftest(operation: Operation) -> list[str]:
    return [
        f"The test’s own containers on {operation.source_name} are removed; no other is touched."
    ]


_WORDS = {
    OperationKind.MIGRATE: "migration",
    OperationKind.CHECKPOINT: "checkpoint",
    OperationKind.RESTORE: "restore",
    OperationKind.PREPARE: "preparation",
    OperationKind.UNDO_PREPARE: "undoing of the preparation",
    OperationKind.SELFTEST: "self-test",
}
_SENTENCES = {
    OperationKind.MIGRATE: _migration,
    OperationKind.CHECKPOINT: _checkpoint,
    OperationKind.RESTORE: _restore,
    OperationKind.PREPARE: _preparation,
    OperationKind.UNDO_PREPARE: _preparation,
    OperationKind.SELFTEST: _selftest,
}
