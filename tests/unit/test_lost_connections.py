"""A connection that is lost in mid-command is told as such, and made again for the next one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest

from nodes.ssh.errors import NodeUnreachable
from nodes.ssh.key_pair import KeyPair
from nodes.ssh.session import NodeSession
from tests.unit.ssh_server import SshServer


@pytest.fixture
def alder(server: SshServer, key_pair: KeyPair) -> Iterator[NodeSession]:
    session = NodeSession(server.address(), key_pair.private_key)
    yield session
    session.close()


async def run(alder: NodeSession) -> None:
    await alder.run(["sleep", "30"])


async def read(alder: NodeSession) -> None:
    await _exhaust(alder.read(["sh", "-c", "echo begun; sleep 30"]))


async def lines(alder: NodeSession) -> None:
    await _exhaust(alder.lines(["sh", "-c", "echo begun; sleep 30"]))


async def write(alder: NodeSession) -> None:
    async with alder.write(["sh", "-c", "cat > /dev/null"]) as writer:
        while True:
            await writer.write(bytes(10_000))
            await asyncio.sleep(0.005)


async def finish_writing(alder: NodeSession) -> None:
    async with alder.write(["sleep", "30"]) as writer:
        await writer.write(b"all there is")


async def _exhaust(stream: AsyncIterator[object]) -> None:
    async for _ in stream:
        pass


@pytest.mark.parametrize("work", [run, read, lines, write, finish_writing])
async def test_a_connection_lost_in_mid_command_makes_the_node_unreachable(
    alder: NodeSession, server: SshServer, work: Callable[[NodeSession], Awaitable[None]]
) -> None:
    task = asyncio.ensure_future(work(alder))
    async with asyncio.timeout(5):
        while not server.running:
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.02)
        server.cut()
        with pytest.raises(NodeUnreachable, match="alder cannot be reached"):
            await task


async def test_the_next_command_makes_a_new_connection(
    alder: NodeSession, server: SshServer
) -> None:
    await alder.run(["true"])
    server.cut()
    await asyncio.sleep(0.02)
    assert (await alder.run(["echo", "again"])).stdout == "again\n"
    assert server.logins == 2


async def test_a_node_that_stays_away_is_unreachable(alder: NodeSession, server: SshServer) -> None:
    await alder.run(["true"])
    await server.stop()
    await asyncio.sleep(0.02)
    with pytest.raises(NodeUnreachable) as caught:
        await alder.run(["true"])
    assert caught.value.problem.cause == "Connection refused"


async def test_commands_that_were_cut_off_do_not_use_up_the_slots(
    alder: NodeSession, server: SshServer
) -> None:
    cut_off = [asyncio.ensure_future(alder.run(["sleep", "30"])) for _ in range(8)]
    async with asyncio.timeout(5):
        while server.running < 8:
            await asyncio.sleep(0.005)
        server.cut()
        await asyncio.gather(*cut_off, return_exceptions=True)
        assert (await alder.run(["echo", "free"])).stdout == "free\n"
