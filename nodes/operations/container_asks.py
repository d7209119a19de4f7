"""Ask a node about a container, and never take a failing Podman for an answer."""

from __future__ import annotations

from nodes.podman.argv import container_exists_argv
from nodes.ssh.errors import CommandFailed
from nodes.ssh.session import NodeSession

_PRESENT, _ABSENT = 0, 1


async def container_exists(session: NodeSession, container_id: str) -> bool:
    """Raise CommandFailed when Podman itself fails: it then exits with 125 (podman(1))."""
    argv = container_exists_argv(container_id)
    done = await session.run(argv, check=False)
    if done.exit_status not in (_PRESENT, _ABSENT):
        raise CommandFailed(session.name, argv, done.exit_status, done.stderr)
    return done.exit_status == _PRESENT
