"""Make rows of a back-up say that time has passed: nobody may act on what was true then."""

from __future__ import annotations

from django.core.management.color import no_style
from django.db import connections
from django.utils import timezone

from nodes.backup import tables
from nodes.models import (
    Archive,
    ArchiveState,
    Batch,
    BatchState,
    Node,
    NodeState,
    Operation,
    OperationState,
)
from nodes.problem import Problem

# The site went on after the back-up was made: on the nodes may be folders with the numbers of
# operations that these rows do not know. New ones are numbered far beyond them.
NUMBERS_LEFT_OUT = 1_000_000
FORMER_JOURNAL = "journal_of_the_backup"


def age_rows(kept_keys: set[str]) -> dict[str, int]:
    """Change the rows in place; ``kept_keys`` are the archives whose file is there.

    Returns how many operations became unknown and cancelled, and how many archives miss a file.
    """
    _pause_batches()
    # Nobody has seen them since.
    Node.objects.update(state=NodeState.CONNECTING, problem={})
    return {
        "cancelled": _cancel_queued(),
        "unknown": _know_nothing_of_running(),
        "missing": _miss_files(kept_keys),
    }


def set_sequences(alias: str) -> None:
    """Have new rows numbered beyond those that were inserted, operations far beyond."""
    connection = connections[alias]
    sequenced = [model for model in tables.tables() if model._meta.auto_field is not None]
    with connection.cursor() as cursor:
        # SQLite's own rule already is to number beyond the greatest number.
        for statement in connection.ops.sequence_reset_sql(no_style(), sequenced):
            cursor.execute(statement)
        last = Operation.objects.using(alias).order_by("-pk").values_list("pk", flat=True).first()
        beyond = (last or 0) + NUMBERS_LEFT_OUT
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT setval(pg_get_serial_sequence(%s, 'id'), %s)",
                [Operation._meta.db_table, beyond],
            )
        else:
            table = Operation._meta.db_table
            cursor.execute("DELETE FROM sqlite_sequence WHERE name = %s", [table])
            cursor.execute(
                "INSERT INTO sqlite_sequence (name, seq) VALUES (%s, %s)", [table, beyond]
            )


def _cancel_queued() -> int:
    problem = Problem(
        code="restored_from_backup",
        message="It waited in the queue when the back-up was made, and was cancelled.",
        cause="The site was restored from a back-up.",
        remedy="Start it again, once you have seen where the container is.",
    )
    return Operation.objects.filter(state=OperationState.QUEUED).update(
        state=OperationState.CANCELLED, ended_at=timezone.now(), error=problem.as_dict()
    )


def _know_nothing_of_running() -> int:
    """Have no operation go on from its journal, neither by itself nor when somebody asks for it."""
    problem = Problem(
        code="restored_from_backup",
        message="It was under way when the back-up was made. How it ended the back-up does not "
        "know, and nothing was done on the nodes since.",
        cause="The site was restored from a back-up.",
        remedy="See for yourself where the container runs, then choose Close it. Other operations "
        "on it can begin then.",
    )
    count = 0
    for operation in Operation.objects.filter(
        state__in=[OperationState.RUNNING, OperationState.UNKNOWN]
    ):
        operation.state = OperationState.UNKNOWN
        operation.journal = {FORMER_JOURNAL: operation.journal}
        # Looking again asks the nodes, and never takes anything forward.
        operation.cancel_requested = True
        operation.error = problem.as_dict()
        operation.worker, operation.heartbeat_at = "", None
        operation.ended_at = operation.ended_at or timezone.now()
        operation.save()
        count += 1
    return count


def _pause_batches() -> None:
    Batch.objects.filter(state=BatchState.RUNNING).update(
        state=BatchState.PAUSED,
        pause_reason="The site was restored from a back-up: see where the containers are, then "
        "resume it.",
    )


def _miss_files(kept_keys: set[str]) -> int:
    gone = [
        pk
        for pk, key in Archive.objects.order_by().values_list("pk", "key").iterator()
        if key not in kept_keys
    ]
    for start in range(0, len(gone), tables.ROWS_AT_ONCE):
        some = Archive.objects.filter(pk__in=gone[start : start + tables.ROWS_AT_ONCE])
        some.update(state=ArchiveState.MISSING)
    return len(gone)
