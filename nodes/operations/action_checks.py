"""What speaks against an action on a container."""

from __future__ import annotations

from nodes.models import Container, Operation, OperationKind, OperationState
from nodes.operations.action_request import (
    LIVE_STATES,
    STARTING,
    Action,
    ActionRequest,
    actions_in,
)
from nodes.operations.start import AlreadyMoving, Refused, require_not_prepared
from nodes.operations.ways_back import keeper_of

_UNLESS = "If two are what you want, say so."


class SecondCopy(Refused):
    """The same container runs on another node already, or went there."""

    code = "second_copy"


class StateKept(Refused):
    """What is left of the container is what an operation would bring it back from."""

    code = "state_kept"

    def __init__(self, container: Container, keeper: Operation, action: Action) -> None:
        name = container.name
        super().__init__(
            f"Operation {keeper.pk} ({keeper}) can still bring {name} back with its memory.",
            cause=f"What is left of it on {keeper.source_name} may be all that has its state.",
            remedy="Bring it back on the operation's page first."
            if action == Action.RENAME
            else "Bring it back on the operation's page. If its state may be lost, say so.",
        )


class WrongState(Refused):
    code = "wrong_state"

    def __init__(self, container: Container, action: Action) -> None:
        super().__init__(
            f"{container.name} is {container.state} on {container.node.name} now: there is "
            f"nothing to {action}.",
            remedy="Look at what it is now, then choose again.",
        )


class Gone(Refused):
    code = "container_gone"

    def __init__(self, container: Container) -> None:
        super().__init__(
            f"{container.name} is not on {container.node.name} any more.",
            remedy="Look at the node's containers.",
        )


def require_possible(container: Container, request: ActionRequest) -> None:
    """Refuse what must not be done to the container as it is; its row is to be fresh.

    Raises AlreadyMoving, NodeInUse, StateKept, SecondCopy and WrongState.
    """
    require_not_prepared([container.node])
    unfinished = Operation.objects.unfinished().filter(container_podman_id=container.podman_id)
    if other := unfinished.first():
        raise AlreadyMoving(other)
    if not request.force:
        _require_nothing_is_lost(container, request.action)
    if request.action not in actions_in(container.state):
        raise WrongState(container, request.action)


def _require_nothing_is_lost(container: Container, action: Action) -> None:
    if keeper := keeper_of(container.podman_id):
        raise StateKept(container, keeper, action)
    if action not in STARTING:
        return
    if twin := twin_of(container):
        raise SecondCopy(
            f"{container.name} already runs on {twin.node.name}; this is the copy that was left "
            f"on {container.node.name} when it moved.",
            cause="Started here it would begin afresh and run twice.",
            remedy=f"Remove this copy, or migrate {container.name} back. {_UNLESS}",
        )
    if move := move_away(container):
        raise SecondCopy(
            f"{container.name} went to {move.destination_name} with operation {move.pk}; this is "
            f"the copy that was left on {container.node.name}.",
            cause=f"Started here it would begin afresh, and run twice if {move.destination_name} "
            "has it.",
            remedy=f"Remove this copy, or look for it on {move.destination_name}. {_UNLESS}",
        )


def twin_of(container: Container) -> Container | None:
    """Return the same container as it runs on another node: its ID goes along when it moves."""
    same = Container.objects.filter(podman_id=container.podman_id, state__in=LIVE_STATES)
    return same.exclude(node=container.node_id).select_related("node").first()


def move_away(container: Container) -> Operation | None:
    """Return the migration that left this copy behind, if nothing has brought it back since.

    Nobody may have looked at the other node since then.
    """
    done = Operation.objects.filter(
        container_podman_id=container.podman_id, state=OperationState.SUCCEEDED
    ).order_by("-pk")
    gone = done.filter(kind=OperationKind.MIGRATE, source=container.node_id).first()
    if gone is None or done.filter(destination=container.node_id, pk__gt=gone.pk).exists():
        return None
    return gone
