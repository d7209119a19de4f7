"""Whoever reads slowly holds the sender back, and no memory of its own fills up meanwhile."""

from __future__ import annotations

import asyncio

from nodes.ssh.key_pair import KeyPair
from nodes.ssh.session import NodeSession
from tests.unit.ssh_server import SshServer

MIB = 1024 * 1024
SENT_BYTES = 128 * MIB


async def test_the_sender_is_never_far_ahead_of_a_slow_reader(
    server: SshServer, key_pair: KeyPair
) -> None:
    session = NodeSession(server.address(), key_pair.private_key)
    taken_bytes = most_ahead_bytes = 0
    async for chunk in session.read(["head", f"--bytes={SENT_BYTES}", "/dev/zero"]):
        # Much slower than the link, as a disk or a second link may be.
        await asyncio.sleep(0.03)
        most_ahead_bytes = max(most_ahead_bytes, server.sent_bytes - taken_bytes)
        taken_bytes += len(chunk)
    session.close()
    assert taken_bytes == SENT_BYTES
    assert most_ahead_bytes < 24 * MIB
