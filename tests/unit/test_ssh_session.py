"""Commands run on a node as they are given, and every way in which they can end is told apart."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from nodes.ssh.errors import CommandFailed, CommandNotFound, CommandTimedOut
from nodes.ssh.key_pair import KeyPair
from nodes.ssh.session import MOST_COMMANDS_AT_ONCE, NodeSession
from tests.unit.ssh_server import SshServer


@pytest.fixture
def alder(server: SshServer, key_pair: KeyPair) -> Iterator[NodeSession]:
    session = NodeSession(server.address(), key_pair.private_key)
    yield session
    session.close()


async def test_arguments_arrive_as_they_are(alder: NodeSession) -> None:
    hostile = ["two words", "$(reboot)", "line\nbreak", "--", "'", '"', "*", "", "é"]
    done = await alder.run(["printf", "%s|", *hostile])
    assert done.stdout == "|".join(hostile) + "|"
    assert done.exit_status == 0


async def test_a_failure_carries_what_an_operator_needs(alder: NodeSession) -> None:
    with pytest.raises(CommandFailed) as caught:
        await alder.run(["sh", "-c", "echo because >&2; exit 125"])
    assert caught.value.node == "alder"
    assert caught.value.argv[0] == "sh"
    assert caught.value.exit_status == 125
    assert caught.value.problem.cause == "because"


async def test_a_status_may_be_asked_for_instead(alder: NodeSession) -> None:
    done = await alder.run(["sh", "-c", "echo no; exit 1"], check=False)
    assert (done.stdout, done.exit_status) == ("no\n", 1)


async def test_a_killed_command_has_failed(alder: NodeSession) -> None:
    with pytest.raises(CommandFailed):
        await alder.run(["sh", "-c", "kill -9 $$"])


async def test_a_program_that_is_not_there_is_told_apart(alder: NodeSession) -> None:
    with pytest.raises(CommandNotFound, match="no-such-program"):
        await alder.run(["no-such-program"])


async def test_input_reaches_the_command_and_ends(alder: NodeSession) -> None:
    assert (await alder.run(["cat"], input="a\nb")).stdout == "a\nb"
    assert (await alder.run(["cat"])).stdout == ""


async def test_a_command_that_hangs_is_given_up(alder: NodeSession, server: SshServer) -> None:
    with pytest.raises(CommandTimedOut, match=r"`sleep 30` did not end within 0\.1 s on alder"):
        await alder.run(["sleep", "30"], timeout_s=0.1)
    assert (await alder.run(["echo", "still here"])).stdout == "still here\n"
    assert server.logins == 1


async def test_output_is_read_byte_for_byte(alder: NodeSession, tmp_path: Path) -> None:
    content = os.urandom(3_000_000)
    (tmp_path / "archive").write_bytes(content)
    chunks = [chunk async for chunk in alder.read(["cat", str(tmp_path / "archive")])]
    assert b"".join(chunks) == content


async def test_a_stream_that_ends_badly_is_no_whole_one(alder: NodeSession) -> None:
    stream = alder.read(["sh", "-c", "echo half; echo gone >&2; exit 2"])
    assert await anext(stream) == b"half\n"
    with pytest.raises(CommandFailed) as caught:
        await anext(stream)
    assert caught.value.stderr == "gone\n"


async def test_lines_come_while_the_command_still_runs(alder: NodeSession) -> None:
    lines = alder.lines(["sh", "-c", "echo first; echo second; sleep 30"])
    async with asyncio.timeout(5):
        assert [await anext(lines), await anext(lines)] == ["first", "second"]
    await lines.aclose()  # type: ignore[attr-defined]


async def test_input_is_written_byte_for_byte(alder: NodeSession, tmp_path: Path) -> None:
    content = os.urandom(3_000_000)
    async with alder.write(["dd", f"of={tmp_path / 'arrived'}", "status=none"]) as writer:
        for start in range(0, len(content), 1_000_000):
            await writer.write(content[start : start + 1_000_000])
    assert (tmp_path / "arrived").read_bytes() == content


async def test_a_write_that_fails_at_the_end_is_told(alder: NodeSession) -> None:
    with pytest.raises(CommandFailed) as caught:
        async with alder.write(["sh", "-c", "cat >&2; exit 3"]) as writer:
            await writer.write(b"disk full")
    assert caught.value.stderr == "disk full"


async def test_a_command_that_stops_reading_early_is_told_by_its_own_words(
    alder: NodeSession,
) -> None:
    async def write() -> None:
        async with asyncio.timeout(5), alder.write(["dd", "of=/dev/full", "bs=1M"]) as writer:
            for _ in range(100):
                await writer.write(bytes(1_000_000))

    with pytest.raises(CommandFailed) as caught:
        await write()
    assert "No space left on device" in caught.value.stderr


async def test_one_connection_serves_all_and_no_more_commands_than_sshd_allows(
    alder: NodeSession, server: SshServer
) -> None:
    await asyncio.gather(*(alder.run(["sleep", "0.05"]) for _ in range(20)))
    assert server.logins == 1
    assert server.most_running == MOST_COMMANDS_AT_ONCE == 8
