"""Remove from nodes that answer again what operations had to leave there."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

from asgiref.sync import sync_to_async
from django.db import close_old_connections
from django.db.models import Q
from django.utils import timezone

from nodes.inventory.connect import open_session
from nodes.models import Container, Leftover, NodeState, Operation, OperationKind
from nodes.models.operation import UNFINISHED
from nodes.operations.clean_up import clean_up_late
from nodes.operations.container_asks import container_exists
from nodes.operations.jobs import migration_plan
from nodes.operations.journal import Journal
from nodes.operations.preflight import inspect_container
from nodes.operations.remove_container import runs_anything
from nodes.operations.rollback import clear_late
from nodes.operations.row_report import RowReport
from nodes.operations.staging import remove_staging, staging_folder
from nodes.operations.unpack_ahead import drop_unpacked
from nodes.problem import FerryError
from nodes.ssh.session import NodeSession

logger = logging.getLogger(__name__)
LOOK_EVERY_S = 5.0
# A node that answers and still does not let go of it is not asked all the time.
AGAIN_AFTER_S = 60.0


async def keep_tidying() -> None:
    """Tidy up wherever it becomes possible, until cancelled."""
    while True:
        try:
            await sync_to_async(close_old_connections)()
            for leftover in await sync_to_async(_due)():
                await tidy(leftover)
        except Exception:
            # A database that fails for a moment must not end it.
            logger.exception("tidying up")
        await asyncio.sleep(LOOK_EVERY_S)


async def tidy(leftover: Leftover) -> None:
    """Remove what an operation left on one node, if somebody else has not begun to."""
    as_it_was = Leftover.objects.filter(pk=leftover.pk, tried_at=leftover.tried_at)
    if not await as_it_was.aupdate(tried_at=timezone.now()):
        return
    operation, node = leftover.operation, leftover.node
    report = _QuietReport(operation)
    try:
        async with open_session(node) as session:
            left = await _remove(operation, session, report)
    except FerryError as error:
        logger.info("%s: %s %s", leftover, error.problem.message, error.problem.cause)
        return
    if not left:
        await RowReport(operation).log(f"Removed what was left on {node.name}.")
        await Leftover.objects.filter(pk=leftover.pk).adelete()


def _due() -> list[Leftover]:
    recently = timezone.now() - timedelta(seconds=AGAIN_AFTER_S)
    return list(
        Leftover.objects.filter(node__state=NodeState.ONLINE)
        .exclude(operation__state__in=UNFINISHED)
        .exclude(tried_at__gt=recently)
        .select_related("node", "operation__source", "operation__destination")
    )


async def _remove(operation: Operation, session: NodeSession, report: RowReport) -> list[str]:
    """Return what is left all the same. Raises SshError."""
    plan, journal = migration_plan(operation), Journal.parse(operation.journal)
    holds_container = operation.kind == OperationKind.MIGRATE and (
        journal.restore_sent or journal.committed
    )
    if holds_container and not await _runs_elsewhere(operation, session):
        return [f"The container is not seen running anywhere but on {session.name}."]
    # Asked last: from here on it takes milliseconds.
    later = await _later(operation, session)
    if any(each.state in UNFINISHED for each in later):
        return ["Another operation has to do with the container and this node."]
    if not holds_container or later:
        # The container there, if there is one, is a later operation's.
        if journal.unpacked_into and session.name == operation.destination_name and not later:
            await drop_unpacked(session, journal.unpacked_into, plan.container_id)
        await remove_staging(session, staging_folder(operation.pk))
        return []
    if journal.committed and session.name == operation.source_name:
        left = await clean_up_late(session, plan, journal, report)
        if left and await runs_anything(session, plan.container_id):
            await RowReport(operation).log(
                f"{operation.container_name} runs on {session.name} as well: it was started afresh "
                "there. Stop the copy that you do not want.",
                level="error",
            )
            return []
        return left
    if not journal.committed and session.name == operation.destination_name:
        await clear_late(session, plan, journal, report)
    else:
        await remove_staging(session, plan.folder)
    return []


async def _later(operation: Operation, session: NodeSession) -> list[Operation]:
    """Return the later operations that did something with the container on this node, or may."""
    ends = Q(source_name=session.name) | Q(destination_name=session.name)
    later = Operation.objects.filter(
        ends, container_podman_id=operation.container_podman_id, pk__gt=operation.pk
    ).exclude(container_podman_id="")
    return [each async for each in later if each.state in UNFINISHED or _did_something(each)]


def _did_something(operation: Operation) -> bool:
    return bool(operation.journal.get("checkpoint_sent") or operation.journal.get("restore_sent"))


async def _runs_elsewhere(operation: Operation, session: NodeSession) -> bool:
    """Ask the nodes that last showed it running. Raises SshError."""
    shown = Container.objects.filter(podman_id=operation.container_podman_id, state="running")
    async for row in shown.exclude(node__name=session.name).select_related("node"):
        async with open_session(row.node) as there:
            if not await container_exists(there, row.podman_id):
                continue
            if (await inspect_container(there, row.podman_id)).running:
                return True
    return False


class _QuietReport(RowReport):
    """What is tried every minute is no news for the operation's log."""

    async def log(self, message: str, *, level: str = "info", phase: str = "") -> None:
        logger.info("%s", message)
