"""Do one short thing to a container on its node: start, stop, restart, pause, rename, remove."""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass

from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.db import transaction

from nodes.audit import audit
from nodes.inventory.connect import open_session
from nodes.inventory.watcher import observe
from nodes.live import ping_node
from nodes.models import Container, Operation
from nodes.operations.action_request import LIVE_STATES, Action, ActionRequest, argv_of
from nodes.operations.container_hold import give_back_hold, hold_of, holder_of, take_hold
from nodes.operations.errors import WorkflowError
from nodes.operations.queue import lock_nodes
from nodes.operations.start import Actor, AlreadyMoving, InAction, Refused, require_not_prepared
from nodes.problem import FerryError
from nodes.ssh.errors import CommandFailed, CommandTimedOut, NodeUnreachable
from nodes.ssh.session import NodeSession
from nodes.uninterrupted import settled

logger = logging.getLogger(__name__)
# The hold outlasts the command, so that it never ends while the command still runs.
_HOLD_MARGIN_S = 30.0


@dataclass(frozen=True, kw_only=True)
class Done:
    """``container`` is what the node has now, None when it has it no more."""

    container: Container | None
    # Its program had to be killed.
    killed: bool = False


class ActionFailed(WorkflowError):
    code = "action_failed"


class SecondCopy(Refused):
    """The same container runs on another node already."""

    code = "second_copy"

    def __init__(self, container: Container, twin: Container) -> None:
        super().__init__(
            f"{container.name} already runs on {twin.node.name}; this is the copy that was left "
            f"on {container.node.name} when it moved.",
            cause="Started here it would begin afresh and run twice.",
            remedy=f"Remove this copy, or migrate {container.name} back. If two are what you "
            "want, say so.",
        )


class NameTaken(ActionFailed):
    code = "name_taken"

    def __init__(self, node: str, name: str) -> None:
        super().__init__(
            f"{node} already has a container or pod named {name}.", remedy="Choose another name."
        )


async def act(user: Actor, container: Container, request: ActionRequest) -> Done:
    """Do it, and look at the node's containers again.

    Raises AlreadyMoving, NodeInUse, InAction, SecondCopy, ActionFailed and what the node's session
    raises. Whoever asked may go away: it is done to its end all the same.
    """
    return await settled(_act(user, container, request))


async def _act(user: Actor, container: Container, request: ActionRequest) -> Done:
    async with open_session(container.node) as session:
        # Before anything is held: most often it is the connection that fails.
        await session.connect()
        holder = await sync_to_async(begin)(user, container, request)
        await ping_node(container.node_id)
        try:
            killed = await _run(session, container, request)
        except (CommandTimedOut, NodeUnreachable):
            # Nobody knows whether Podman is still at it: the hold ends by itself.
            raise
        except BaseException:
            await _let_go(session, container, holder)
            raise
        await _let_go(session, container, holder)
    now = Container.objects.select_related("node").filter(pk=container.pk)
    return Done(container=await now.afirst(), killed=killed)


def begin(user: Actor, container: Container, request: ActionRequest) -> str:
    """Hold the container and note in the audit log what is about to be done to it."""
    name = user.get_username() if isinstance(user, User) else ""
    holder = holder_of(action=request.action, user_name=name, key=secrets.token_hex(4))
    with transaction.atomic():
        lock_nodes([container.node_id])
        # First: an operation on other nodes that is about to begin is waited for here, and seen.
        seconds = request.timeout_s + _HOLD_MARGIN_S
        if not take_hold(container.podman_id, holder, seconds):
            raise InAction(container.name, hold_of(container.podman_id))
        _require_free(container)
        if request.action == Action.START and not request.force:
            _require_no_twin(container)
        audit(user, f"container.{request.action}", container, **_told(container, request))
    return holder


def _require_free(container: Container) -> None:
    require_not_prepared([container.node])
    unfinished = Operation.objects.unfinished().filter(container_podman_id=container.podman_id)
    if other := unfinished.first():
        raise AlreadyMoving(other)


def twin_of(container: Container) -> Container | None:
    """Return the same container as it runs on another node: its ID goes along when it moves."""
    same = Container.objects.filter(podman_id=container.podman_id, state__in=LIVE_STATES)
    return same.exclude(node=container.node_id).select_related("node").first()


def _require_no_twin(container: Container) -> None:
    if twin := twin_of(container):
        raise SecondCopy(container, twin)


def _told(container: Container, request: ActionRequest) -> dict[str, object]:
    told: dict[str, object] = {"node": container.node.name, "podman_id": container.podman_id}
    if request.action == Action.RENAME:
        told["name"] = request.name
    if request.force:
        told["force"] = True
    return told


async def _let_go(session: NodeSession, container: Container, holder: str) -> None:
    await sync_to_async(give_back_hold)(container.podman_id, holder)
    try:
        await observe(session, container.node_id)
    except FerryError:
        # It is done; the node's watcher looks again by itself.
        logger.warning("%s could not be looked at after an action", session.name, exc_info=True)


async def _run(session: NodeSession, container: Container, request: ActionRequest) -> bool:
    """Run the command and return whether the program had to be killed. Raises ActionFailed."""
    command = argv_of(container.podman_id, request)
    try:
        done = await session.run(command, timeout_s=request.timeout_s)
    except CommandFailed as error:
        if request.action == Action.RENAME and "is in use" in error.stderr:
            raise NameTaken(session.name, request.name) from error
        raise ActionFailed(
            f"Podman did not {request.action} {container.name} on {session.name}.",
            cause=error.problem.cause,
            remedy=_remedy(error.stderr, container, session.name),
        ) from error
    # podman-stop(1) warns so when it sends SIGKILL (Podman 5.8.6).
    return "resorting to SIGKILL" in done.stderr


# What Podman's words ask for; the first that fits.
_REMEDIES = [
    ("no such container", "It is not on {node} any more. Look at the node's containers."),
    ("address already in use", "Something else on {node} has a port that it publishes. Stop that."),
    ("dependent containers", "Remove those that depend on it first."),
    ("without force", "It runs. Confirm that it is stopped first."),
    ("state improper", "Its state has changed meanwhile. See what it is now, then try again."),
]


def _remedy(stderr: str, container: Container, node: str) -> str:
    for words, remedy in _REMEDIES:
        if words in stderr:
            return remedy.format(node=node)
    return f"Look at the log of {container.name} and at {node}, then try again."
