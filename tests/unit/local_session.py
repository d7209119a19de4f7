"""A node that is this machine: a session's commands run here, without SSH."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

from nodes.ssh.errors import CommandFailed, CommandTimedOut, NodeUnreachable
from nodes.ssh.session import Completed

_CHUNK_BYTES = 65536


class LocalWriter:
    def __init__(self, stdin: asyncio.StreamWriter) -> None:
        self._stdin = stdin

    async def write(self, chunk: bytes) -> None:
        self._stdin.write(chunk)
        await self._stdin.drain()


class LocalSession:
    """Behave as NodeSession does; ``losses`` is how often the connection will be lost."""

    def __init__(self, name: str = "alder", *, losses: int = 0) -> None:
        self.name = name
        self.losses = losses

    async def run(
        self,
        argv: Sequence[str],
        *,
        input: str | None = None,
        check: bool = True,
        timeout_s: float = 60.0,
    ) -> Completed:
        self._lose()
        process = await _start(argv)
        try:
            async with asyncio.timeout(timeout_s):
                stdout, stderr = await process.communicate((input or "").encode())
        except TimeoutError as error:
            await _end(process)
            raise CommandTimedOut(self.name, argv, timeout_s) from error
        done = Completed(
            stdout=stdout.decode(), stderr=stderr.decode(), exit_status=process.returncode or 0
        )
        if check and done.exit_status:
            raise CommandFailed(self.name, argv, done.exit_status, done.stderr)
        return done

    async def read(self, argv: Sequence[str]) -> AsyncIterator[bytes]:
        """Give the first chunk and then lose the connection, if it is to be lost."""
        process = await _start(argv)
        assert process.stdin is not None
        process.stdin.close()
        try:
            assert process.stdout is not None
            while chunk := await process.stdout.read(_CHUNK_BYTES):
                yield chunk
                self._lose()
        finally:
            await _end(process)

    @asynccontextmanager
    async def write(self, argv: Sequence[str]) -> AsyncIterator[LocalWriter]:
        self._lose()
        process = await _start(argv)
        assert process.stdin is not None
        try:
            yield LocalWriter(process.stdin)
        except ConnectionError as error:
            raise await self._failure(argv, process) from error
        else:
            process.stdin.close()
            if await process.wait():
                raise await self._failure(argv, process)
        finally:
            await _end(process)

    async def _failure(
        self, argv: Sequence[str], process: asyncio.subprocess.Process
    ) -> CommandFailed:
        assert process.stderr is not None
        stderr = (await process.stderr.read()).decode()
        return CommandFailed(self.name, argv, await process.wait(), stderr)

    def _lose(self) -> None:
        if self.losses:
            self.losses -= 1
            raise NodeUnreachable(self.name, "127.0.0.1", 22, "the connection was lost")


async def _start(argv: Sequence[str]) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        *argv, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True
    )


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        # With what it has started, as the end of a connection does.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    await process.communicate()
