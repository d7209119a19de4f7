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
from nodes.models import AuditEvent, Container
from nodes.operations.action_checks import Gone, require_possible
from nodes.operations.action_request import Action, ActionRequest, argv_of
from nodes.operations.container_hold import give_back_hold, hold_of, holder_of, take_hold
from nodes.operations.errors import WorkflowError
from nodes.operations.queue import lock_nodes
from nodes.operations.start import Actor, InAction
from nodes.podman.action_argv import BROKEN_OFF, KILL_AFTER_S
from nodes.problem import FerryError
from nodes.ssh.errors import CommandFailed, CommandTimedOut, NodeUnreachable
from nodes.ssh.session import NodeSession
from nodes.uninterrupted import settled

logger = logging.getLogger(__name__)
# What a node may need to begin the command and to tell its end, beside the command's own limit.
_ANSWER_S = 15.0
# The hold outlasts the command, so that it never ends while the command still runs.
_HOLD_MARGIN_S = 30.0
_CAUSE_CHARS = 500


@dataclass(frozen=True, kw_only=True)
class Done:
    """``container`` is what the node has now, None when it has it no more."""

    container: Container | None
    # Its program had to be killed.
    killed: bool = False


class ActionFailed(WorkflowError):
    code = "action_failed"


class NameTaken(ActionFailed):
    code = "name_taken"

    def __init__(self, node: str, name: str) -> None:
        super().__init__(
            f"{node} already has a container or pod named {name}.", remedy="Choose another name."
        )


async def act(user: Actor, container: Container, request: ActionRequest) -> Done:
    """Do it, and look at the node's containers before and afterwards.

    Raises what require_possible raises, Gone, InAction, ActionFailed and what the node's session
    raises. Whoever asked may go away: it is done to its end all the same.
    """
    return await settled(_act(user, container, request))


async def _act(user: Actor, container: Container, request: ActionRequest) -> Done:
    async with open_session(container.node) as session:
        # Before anything is held: most often it is the connection that fails.
        await session.connect()
        container = await _seen_now(session, container)
        held = await sync_to_async(begin)(user, container, request)
        await ping_node(container.node_id)
        try:
            killed = await _run(session, container, request)
        except (CommandTimedOut, NodeUnreachable):
            # Nobody knows how it went, nor whether Podman is still at it: the hold ends by itself,
            # as it does whenever this is broken off.
            raise
        except FerryError as error:
            told = (error.problem.cause or error.problem.message)[:_CAUSE_CHARS]
            await _let_go(session, held, outcome="failed", cause=told)
            raise
        await _let_go(session, held, outcome="done")
    now = Container.objects.select_related("node").filter(pk=container.pk)
    return Done(container=await now.afirst(), killed=killed)


async def _seen_now(session: NodeSession, container: Container) -> Container:
    """Return the container as the node has it at this moment. Raises Gone."""
    await observe(session, container.node_id)
    now = Container.objects.select_related("node").filter(pk=container.pk)
    seen = await now.afirst()
    if seen is None:
        raise Gone(container)
    return seen


@dataclass(frozen=True, kw_only=True)
class Held:
    """A container to which something is being done, and what the audit log says of it so far."""

    container: Container
    holder: str
    event: AuditEvent


def begin(user: Actor, container: Container, request: ActionRequest) -> Held:
    """Hold the container and note in the audit log what is about to be done to it."""
    name = user.get_username() if isinstance(user, User) else ""
    holder = holder_of(action=request.action, user_name=name, key=secrets.token_hex(4))
    with transaction.atomic():
        lock_nodes([container.node_id])
        # First: an operation on other nodes that is about to begin is waited for here, and seen.
        seconds = request.limit_s + KILL_AFTER_S + _HOLD_MARGIN_S
        if not take_hold(container.podman_id, holder, seconds):
            raise InAction(container.name, hold_of(container.podman_id))
        require_possible(container, request)
        told = _told(container, request)
        event = audit(user, f"container.{request.action}", container, **told)
    return Held(container=container, holder=holder, event=event)


def _told(container: Container, request: ActionRequest) -> dict[str, object]:
    told: dict[str, object] = {"node": container.node.name, "podman_id": container.podman_id}
    if request.action == Action.RENAME:
        told["name"] = request.name
    if request.force:
        told["force"] = True
    # Until it is known.
    return {**told, "outcome": "unknown"}


async def _let_go(session: NodeSession, held: Held, **outcome: str) -> None:
    await sync_to_async(_end)(held, outcome)
    node_id = held.container.node_id
    try:
        await observe(session, node_id)
    except FerryError:
        # It is done; the node's watcher looks again by itself.
        logger.warning("%s could not be looked at after an action", session.name, exc_info=True)
    # Whatever the node shows: the pages say that something is being done to it.
    await ping_node(node_id)


def _end(held: Held, outcome: dict[str, str]) -> None:
    give_back_hold(held.container.podman_id, held.holder)
    held.event.detail = {**held.event.detail, **outcome}
    held.event.save(update_fields=["detail"])


async def _run(session: NodeSession, container: Container, request: ActionRequest) -> bool:
    """Run the command and return whether the program had to be killed. Raises ActionFailed."""
    command = argv_of(container.podman_id, request)
    timeout_s = request.limit_s + KILL_AFTER_S + _ANSWER_S
    try:
        done = await session.run(command, timeout_s=timeout_s)
    except CommandFailed as error:
        raise _failure(error, container, request) from error
    # podman-stop(1) warns so when it sends SIGKILL (Podman 5.8.6).
    return "resorting to SIGKILL" in done.stderr


def _failure(error: CommandFailed, container: Container, request: ActionRequest) -> ActionFailed:
    node = container.node.name
    if request.action == Action.RENAME and "is in use" in error.stderr:
        return NameTaken(node, request.name)
    if error.exit_status in BROKEN_OFF:
        return ActionFailed(
            f"Podman did not {request.action} {container.name} on {node} within "
            f"{request.limit_s} s, so its command was broken off.",
            cause=error.problem.cause,
            remedy=f"See what {container.name} is now, and what {node} is so busy with.",
        )
    return ActionFailed(
        f"Podman did not {request.action} {container.name} on {node}.",
        cause=error.problem.cause,
        remedy=_remedy(error.stderr, container, node),
    )


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
