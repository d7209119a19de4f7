"""Ask what Podman says of a container, once for all who look at about that time.

Without that each look would be a connection, as many at once as a viewer likes, and sshd drops
connections, those of migrations among them, while many are not signed in yet: MaxStartups,
sshd_config(5).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock

from asgiref.sync import async_to_sync

from nodes.feeds.sessions import borrow_session
from nodes.inventory.connect import address_of
from nodes.models import Container
from nodes.podman.argv import inspect_argv
from nodes.problem import FerryError
from nodes.ssh.connection import NodeAddress

# So old may an answer be.
FRESH_S = 3.0
ANSWER_S = 20.0
# So long may others wait for their turn.
WAIT_S = 10.0
# Podman's answer has some 20 kB.
_KEPT_CHARS = 1_000_000
_KEPT_ANSWERS = 20


class NodeIsAsked(FerryError):
    code = "node_is_asked"


@dataclass
class _Asked:
    turn: Lock = field(default_factory=Lock)
    # By Podman's ID, with the time at which they were given.
    answers: dict[str, tuple[float, str]] = field(default_factory=dict)


_asked: dict[NodeAddress, _Asked] = {}


def inspection_of(container: Container) -> str:
    """Return what `podman container inspect` prints of it.

    Only one question is put to a node at a time. Raises NodeIsAsked and SshError's children.
    """
    asked = _asked.setdefault(address_of(container.node), _Asked())
    with _turn(asked, container):
        now = time.monotonic()
        asked.answers = {
            key: given for key, given in asked.answers.items() if now - given[0] < FRESH_S
        }
        if known := asked.answers.get(container.podman_id):
            return known[1]
        answer = async_to_sync(_ask)(container)
        if len(answer) < _KEPT_CHARS and len(asked.answers) < _KEPT_ANSWERS:
            asked.answers[container.podman_id] = time.monotonic(), answer
        return answer


@contextmanager
def _turn(asked: _Asked, container: Container) -> Iterator[None]:
    # A lock of threads: a view has one of its own, and waiting holds up nobody else.
    if not asked.turn.acquire(timeout=WAIT_S):
        raise NodeIsAsked(
            f"{container.node.name} is still answering others.",
            cause=f"It was not done with them after {WAIT_S:.0f} seconds.",
            remedy="Try again in a moment.",
        )
    try:
        yield
    finally:
        asked.turn.release()


async def _ask(container: Container) -> str:
    async with borrow_session(container.node) as session:
        done = await session.run(inspect_argv(container.podman_id), timeout_s=ANSWER_S)
    return done.stdout
