"""A line of an operation's log stands with the phase that it tells of."""

from __future__ import annotations

from contextlib import suppress

import pytest
from asgiref.sync import async_to_sync

from nodes.models import Container, Node, OperationEvent
from nodes.operations.row_report import RowReport
from tests.factories import make_operation

pytestmark = pytest.mark.django_db(transaction=True)


async def tell(report: RowReport) -> None:
    async with report.phase("image"):
        await report.log("Copying.")
    await report.log("Checkpointing.", phase="checkpoint")
    with suppress(OSError):
        async with report.phase("restore"):
            await report.log("Restoring.")
            raise OSError
    await report.log("Rolling back.")


def test_a_line_is_of_the_phase_under_way_and_after_a_failure_of_none(counter: Container) -> None:
    operation = make_operation(counter.node, Node.objects.get(name="birch"))
    async_to_sync(tell)(RowReport(operation))
    told = list(OperationEvent.objects.values_list("phase", "message"))
    assert told == [
        ("image", "Copying."),
        ("checkpoint", "Checkpointing."),
        ("restore", "Restoring."),
        ("", "Rolling back."),
    ]
