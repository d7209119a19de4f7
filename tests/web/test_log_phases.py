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
    await report.log("Asking.")
    await report.skip("preflight", "Done before.")
    async with report.phase("image"):
        await report.log("Copying.")
    await report.log("Checkpointing.", phase="checkpoint")
    async with report.phase("transfer"):
        async with report.phase("checkpoint"):
            await report.log("Freezing.")
        await report.log("Going on.")
    await report.log("In the catalog.", phase="transfer")
    with suppress(OSError):
        async with report.phase("restore"):
            await report.log("Restoring.")
            raise OSError
    await report.log("Rolling back.")


def test_a_line_is_of_the_phase_under_way_or_of_none(counter: Container) -> None:
    operation = make_operation(counter.node, Node.objects.get(name="birch"))
    async_to_sync(tell)(RowReport(operation))
    told = list(OperationEvent.objects.values_list("phase", "message"))
    assert told == [
        ("", "Asking."),
        ("preflight", "Done before."),
        ("image", "Copying."),
        ("checkpoint", "Checkpointing."),
        ("checkpoint", "Freezing."),
        ("transfer", "Going on."),
        ("transfer", "In the catalog."),
        ("restore", "Restoring."),
        ("", "Rolling back."),
    ]
