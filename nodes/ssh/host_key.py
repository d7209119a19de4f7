"""Ask a host for its key before it is trusted."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import asyncssh

from nodes.ssh.errors import NodeUnreachable
from nodes.ssh.reason import reason

_TIMEOUT_S = 10.0


@dataclass(frozen=True, kw_only=True)
class HostKey:
    """Hold a public host key as in known_hosts, and its fingerprint as ssh-keygen prints it."""

    key: str
    fingerprint: str


def host_key_of(key: asyncssh.SSHKey) -> HostKey:
    text = key.export_public_key().decode().strip()
    return HostKey(key=" ".join(text.split()[:2]), fingerprint=key.get_fingerprint())


def parse_host_key(text: str) -> HostKey | None:
    """Return the key in ``text``, or None if it is none."""
    try:
        return host_key_of(asyncssh.import_public_key(text.strip()))
    except (asyncssh.KeyImportError, ValueError):
        return None


async def fetch_host_key(name: str, host: str, port: int) -> HostKey:
    """Return the key that the host shows now. Raises NodeUnreachable."""
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            key = await asyncssh.get_server_host_key(host, port, config=None)
    except TimeoutError as error:
        raise NodeUnreachable(name, host, port, f"no answer within {_TIMEOUT_S:g} s") from error
    except (OSError, asyncssh.Error) as error:
        raise NodeUnreachable(name, host, port, reason(error)) from error
    if key is None:
        raise NodeUnreachable(name, host, port, "the host showed no host key")
    return host_key_of(key)
