"""Take nodes into the fleet, change them and let them go: row, audit log, a first look."""

from __future__ import annotations

from collections.abc import Sequence

from asgiref.sync import async_to_sync
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import transaction
from django.db.models import Q, QuerySet

from nodes.audit import audit
from nodes.inventory.fleet import fleet
from nodes.inventory.register import authorise, look_at
from nodes.live import ping_node, ping_operations
from nodes.models import Node, Operation, OperationState
from nodes.problem import FerryError

Actor = AbstractBaseUser | AnonymousUser


# With another of these a running operation, or its rollback, would act on another host.
_WHERE = ("host", "port", "user")


class NodeBusy(FerryError):
    """An operation still needs the node."""

    code = "node_busy"

    def __init__(self, node: Node, operation: Operation) -> None:
        super().__init__(
            f"{node.name} is needed by operation {operation.pk} ({operation}).",
            remedy="Wait for it, or cancel it first.",
        )


def add_node(user: Actor, node: Node, *, password: str = "") -> None:
    """Save a node whose host key is confirmed, and look at it.

    With a password the site's key is authorised first. Raises what ``authorise`` raises;
    nothing is saved then.
    """
    if password:
        async_to_sync(authorise)(node, password)
    node.save()
    audit(user, "node.add", node, host=node.host, fingerprint=node.host_key_fingerprint)
    look_now(node)
    # Open boards have no card for it yet: a ping without a node makes them draw all cards.
    async_to_sync(ping_operations)()


def change_node(user: Actor, node: Node, changed: Sequence[str]) -> None:
    """Save a node whose ``changed`` fields are set already, and look at it.

    Raises NodeBusy if it would be reached elsewhere while an operation needs it.
    """
    with transaction.atomic():
        former = Node.objects.get(pk=node.pk)
        if any(getattr(former, name) != getattr(node, name) for name in _WHERE):
            refuse_while_busy(former)
        node.save()
        audit(user, "node.edit", node, changed=list(changed))
    # A look that finds nothing new tells nobody, and one at a node that is away takes its time.
    async_to_sync(ping_node)(node.pk)
    look_now(node)


def pin_host_key(user: Actor, node: Node, host_key: str) -> None:
    """Trust another host key from now on, and look at the node with it. Raises NodeBusy."""
    former = node.host_key_fingerprint
    with transaction.atomic():
        refuse_while_busy(node)
        node.host_key = host_key
        node.save(update_fields=["host_key"])
        audit(
            user, "node.pin-host-key", node, former=former, fingerprint=node.host_key_fingerprint
        )  # fmt: skip
    look_now(node)


@transaction.atomic
def remove_node(user: Actor, node: Node) -> None:
    """Forget a node; nothing on the host changes. Raises NodeBusy."""
    refuse_while_busy(node)
    audit(user, "node.remove", node, host=node.host)
    node.delete()
    transaction.on_commit(fleet.wake)
    transaction.on_commit(async_to_sync(ping_operations))


def look_now(node: Node) -> None:
    """Ask a node for its facts and containers, and have its watcher try again."""
    async_to_sync(look_at)(node)
    fleet.wake(node.pk)


def refuse_while_busy(node: Node) -> None:
    """Raise NodeBusy while an operation runs on the node.

    One that ended unknown does not count: its node may have come back at another address, and
    can only be asked there.
    """
    busy = unfinished_operations(node).exclude(state=OperationState.UNKNOWN).first()
    if busy is not None:
        raise NodeBusy(node, busy)


def unfinished_operations(node: Node) -> QuerySet[Operation]:
    return Operation.objects.unfinished().filter(Q(source=node) | Q(destination=node))
