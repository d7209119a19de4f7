"""Authorise the site's public key on a host with a password that is used once and kept nowhere."""

from __future__ import annotations

import shlex

from nodes.ssh.connection import NodeAddress, connect
from nodes.ssh.errors import CommandFailed

# $1 is the whole key line. As ssh-copy-id(1) does it, once however often it is run.
_SCRIPT = """
umask 077
mkdir -p ~/.ssh
touch ~/.ssh/authorized_keys
grep -qxF "$1" ~/.ssh/authorized_keys || printf '%s\\n' "$1" >> ~/.ssh/authorized_keys
"""


def authorise_argv(public_key: str) -> list[str]:
    return ["sh", "-c", _SCRIPT, "authorise", public_key]


async def authorise_with_password(address: NodeAddress, public_key: str, password: str) -> None:
    """Append the key to the user's authorized_keys.

    Raises AuthenticationRefused, HostKeyChanged, NodeUnreachable or CommandFailed.
    """
    argv = authorise_argv(public_key)
    connection = await connect(address, password=password)
    async with connection:
        done = await connection.run(shlex.join(argv), timeout=20)
    if done.exit_status != 0:
        raise CommandFailed(address.name, argv[:1], done.exit_status, str(done.stderr or ""))
