"""What people and programs ask of a node: prepare it, undo that, test it."""

from __future__ import annotations

from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q

from nodes.audit import audit
from nodes.host.facts import HostFacts
from nodes.host.preparation import Preparation, PreparationImpossible, plan_preparation
from nodes.inventory.connect import open_session
from nodes.inventory.observation import save_readiness
from nodes.inventory.readiness import probe_host
from nodes.models import EXCLUSIVE_KINDS, Node, Operation, OperationKind, OperationState
from nodes.operations.container_hold import held_container, hold_of
from nodes.operations.engine import engine
from nodes.operations.jobs import JOBS
from nodes.operations.prepare import PrepareRefused
from nodes.operations.queue import lock_nodes
from nodes.operations.row_report import new_phases
from nodes.operations.start import Actor, InAction, NodeInUse, Refused


async def facts_of(node: Node) -> HostFacts:
    """Ask the node now about itself and keep the answer. Raises what its session raises."""
    async with open_session(node) as session:
        facts = await probe_host(session)
    await sync_to_async(save_readiness)(node.pk, facts)
    return facts


async def plan_for(node: Node) -> tuple[HostFacts, Preparation]:
    """Ask the node now what it lacks, and change nothing.

    Raises PrepareRefused and what the node's session raises.
    """
    facts = await facts_of(node)
    try:
        return facts, plan_preparation(facts)
    except PreparationImpossible as error:
        raise PrepareRefused(
            f"{node.name} cannot be prepared from here.",
            cause=str(error),
            remedy="Mend that on the host, then look again.",
        ) from error


def start_prepare(user: Actor, node: Node, *, digest: str = "") -> Operation:
    """Queue a preparation; with a ``digest`` only exactly that plan is carried out.

    Raises NodeInUse and InAction.
    """
    return _queue(user, node, OperationKind.PREPARE, {"plan": digest} if digest else {})


def start_undo(user: Actor, node: Node) -> Operation:
    """Queue the undoing of the node's last preparation. Raises Refused and NodeInUse."""
    former = undoable_preparation(node)
    if former is None:
        raise Refused(
            f"There is no preparation of {node.name} to undo.",
            remedy="Only what Ferry has written into the configuration can be undone.",
        )
    return _queue(user, node, OperationKind.UNDO_PREPARE, {"operation": former.pk})


def start_selftest(user: Actor, node: Node) -> Operation:
    """Queue a self-test. Raises NodeInUse."""
    return _queue(user, node, OperationKind.SELFTEST, {})


def undoable_preparation(node: Node) -> Operation | None:
    """Return the last preparation that wrote a file and was not undone, or None."""
    ended = node.operations_from.exclude(state__in=[OperationState.QUEUED, OperationState.RUNNING])
    undone = set(
        ended.filter(kind=OperationKind.UNDO_PREPARE, state=OperationState.SUCCEEDED).values_list(
            "options__operation", flat=True
        )
    )
    # Nobody undoes what lies further back.
    for operation in ended.filter(kind=OperationKind.PREPARE)[:20]:
        if operation.journal.get("edits") and operation.pk not in undone:
            return operation
    return None


@transaction.atomic
def _queue(user: Actor, node: Node, kind: OperationKind, options: dict[str, Any]) -> Operation:
    lock_nodes([node.pk])
    _require_free(node, kind)
    operation = Operation.objects.create(
        kind=kind,
        phases=new_phases(JOBS[kind].phases),
        source=node,
        source_name=node.name,
        options=options,
        created_by=user if isinstance(user, User) else None,
    )
    audit(user, "operation.start", operation, operation=operation.pk, node=node.name)
    transaction.on_commit(lambda: engine.enqueue(operation.pk))
    return operation


def _require_free(node: Node, kind: OperationKind) -> None:
    """Raise NodeInUse or InAction.

    One that changes the node needs it alone, a self-test only a calm one.
    """
    unfinished = Operation.objects.unfinished().filter(Q(source=node) | Q(destination=node))
    if kind not in EXCLUSIVE_KINDS:
        unfinished = unfinished.filter(kind__in=[*EXCLUSIVE_KINDS, kind])
    if busy := unfinished.first():
        raise NodeInUse(node.name, busy)
    if kind in EXCLUSIVE_KINDS and (held := held_container([node])):
        raise InAction(held.name, hold_of(held.podman_id))
