"""Run commands on one node; the connection is made when needed and made again when lost."""

from __future__ import annotations

import asyncio
import logging
import re
import shlex
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncssh

from nodes.ssh.connection import NodeAddress, connect
from nodes.ssh.errors import (
    CommandFailed,
    CommandNotFound,
    CommandTimedOut,
    NodeUnreachable,
    SshError,
    SudoRefused,
)
from nodes.ssh.reason import reason

__all__ = ["Completed", "NodeAddress", "NodeSession", "RemoteWriter"]

logger = logging.getLogger(__name__)
CHUNK_BYTES = 1024 * 1024
# More than asyncssh buffers of a channel, two windows of 2 MiB. Its resume_reading() grants the
# other side a whole new window although its buffer is still full (2.24, _deliver_data): whoever
# reads less than all of it, slower than it comes, has it grow without end. Measured with 3 GB and
# a slow reader: 1 MiB at a time 1.8 GB of memory, this 60 MB (tests/unit/test_slow_reader.py).
DRAIN_BYTES = 8 * 1024 * 1024
# sshd refuses more sessions on one connection than MaxSessions, 10 by default (sshd_config(5)).
MOST_COMMANDS_AT_ONCE = 8
# A node that prints without end must not fill the site's memory.
MOST_OUTPUT_BYTES = 16 * 1024 * 1024
_NOT_FOUND_STATUS = 127
# sudo 1.9 also warns, as of a host name that it cannot resolve, and runs the command all the same.
_SUDO_REFUSAL = re.compile(
    r"^sudo: (a password is required|a terminal is required|no tty present|sorry, you must)"
    r"|is not in the sudoers file|is not allowed to (execute|run sudo)|may not run sudo",
    re.MULTILINE,
)
_SUDO_NOT_FOUND = re.compile(r"^sudo: .*: command not found$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Completed:
    stdout: str
    stderr: str
    exit_status: int


class NodeSession:
    """Run argv lists on a node, as root by way of sudo where the node is registered so.

    Every method raises SshError's children: NodeUnreachable, HostKeyChanged,
    AuthenticationRefused, SudoRefused, CommandFailed.
    """

    def __init__(self, address: NodeAddress, private_key: str) -> None:
        self.address = address
        self._private_key = private_key
        self._connection: asyncssh.SSHClientConnection | None = None
        self._connecting = asyncio.Lock()
        self._slots = asyncio.Semaphore(MOST_COMMANDS_AT_ONCE)

    @property
    def name(self) -> str:
        return self.address.name

    async def connect(self) -> asyncssh.SSHClientConnection:
        async with self._connecting:
            if self._connection is None or self._connection.is_closed():
                self._connection = await connect(self.address, private_key=self._private_key)
            return self._connection

    def close(self) -> None:
        if self._connection is not None:
            self._connection.abort()
            self._connection = None

    async def run(
        self,
        argv: Sequence[str],
        *,
        input: str | None = None,
        check: bool = True,
        timeout_s: float = 60.0,
    ) -> Completed:
        """Run a command to its end.

        Raises CommandTimedOut, and CommandFailed unless ``check`` is off. SudoRefused is
        raised either way: the command did not even start.
        """
        try:
            async with asyncio.timeout(timeout_s), self._process(argv) as process:
                if input is not None:
                    process.stdin.write(input.encode())
                process.stdin.write_eof()
                # Not communicate(): it drops the exception of a stream that was cut, and the
                # answer of a lost connection then looks like an empty one (asyncssh 2.24).
                stdout, stderr = await asyncio.gather(
                    self._read_bounded(process.stdout, argv),
                    self._read_bounded(process.stderr, argv),
                )
                await process.wait_closed()
                status = self._status(process)
        except TimeoutError as error:
            raise CommandTimedOut(self.name, argv, timeout_s) from error
        done = Completed(stdout=_text(stdout), stderr=_text(stderr), exit_status=status)
        failure = self._failure(argv, status, done.stderr)
        if failure and (check or isinstance(failure, SudoRefused)):
            raise failure
        return done

    async def _read_bounded(self, stream: asyncssh.SSHReader[bytes], argv: Sequence[str]) -> bytes:
        taken = bytearray()
        while chunk := await stream.read(CHUNK_BYTES):
            taken += chunk
            if len(taken) > MOST_OUTPUT_BYTES:
                raise CommandFailed(
                    self.name, argv, None, f"It printed more than {MOST_OUTPUT_BYTES} bytes."
                )
        return bytes(taken)

    async def lines(self, argv: Sequence[str]) -> AsyncIterator[str]:
        """Yield the lines of a command's output as they come."""
        async with self._process(argv) as process:
            process.stdin.write_eof()
            async for line in process.stdout:
                yield _text(line).rstrip("\n")
            await self._finish(argv, process)

    async def read(self, argv: Sequence[str], *, hold: bool = False) -> AsyncIterator[bytes]:
        """Yield a command's output in chunks of up to DRAIN_BYTES.

        With ``hold`` its input ends only when nobody reads any more, or the connection is lost:
        sshd leaves a command that writes nothing running for ever, unless it notices that.
        """
        async with self._process(argv) as process:
            if not hold:
                process.stdin.write_eof()
            while chunk := await process.stdout.read(DRAIN_BYTES):
                yield chunk
            await self._finish(argv, process)

    @asynccontextmanager
    async def write(self, argv: Sequence[str]) -> AsyncIterator[RemoteWriter]:
        """Give a writer into a command's input; at the end wait for the command."""
        async with self._process(argv) as process:
            try:
                yield RemoteWriter(process)
            except (BrokenPipeError, ConnectionError, asyncssh.Error):
                # The command ended early: its own words say more than the broken pipe.
                await self._finish(argv, process)
                raise
            process.stdin.write_eof()
            await self._finish(argv, process)

    @asynccontextmanager
    async def _process(
        self, argv: Sequence[str]
    ) -> AsyncIterator[asyncssh.SSHClientProcess[bytes]]:
        command = shlex.join(["sudo", "-n", "--", *argv] if self.address.sudo else argv)
        logger.debug("%s: %s", self.name, command)
        async with self._slots:
            connection = await self.connect()
            try:
                process = await connection.create_process(command, encoding=None)
            except (asyncssh.Error, OSError) as error:
                raise self._unreachable(reason(error)) from error
            try:
                yield process
            except (ConnectionError, asyncssh.DisconnectError) as error:
                raise self._unreachable(reason(error)) from error
            finally:
                process.close()

    async def _finish(self, argv: Sequence[str], process: asyncssh.SSHClientProcess[bytes]) -> None:
        stderr = await process.stderr.read()
        await process.wait_closed()
        failure = self._failure(argv, self._status(process), _text(stderr))
        if failure:
            raise failure

    def _status(self, process: asyncssh.SSHClientProcess[bytes]) -> int:
        if process.exit_signal is not None:
            return 128
        if process.exit_status is None:
            raise self._unreachable("the connection was lost")
        return process.exit_status

    def _failure(self, argv: Sequence[str], status: int, stderr: str) -> SshError | None:
        if status == 0:
            return None
        if self.address.sudo and _SUDO_REFUSAL.search(stderr):
            return SudoRefused(self.name, self.address.user, stderr)
        if status == _NOT_FOUND_STATUS or (self.address.sudo and _SUDO_NOT_FOUND.search(stderr)):
            return CommandNotFound(self.name, argv, status, stderr)
        return CommandFailed(self.name, argv, status, stderr)

    def _unreachable(self, cause: str) -> NodeUnreachable:
        return NodeUnreachable(self.name, self.address.host, self.address.port, cause)


class RemoteWriter:
    """Write into the input of a command on a node, no faster than it takes the bytes."""

    def __init__(self, process: asyncssh.SSHClientProcess[bytes]) -> None:
        self._process = process

    async def write(self, chunk: bytes) -> None:
        self._process.stdin.write(chunk)
        await self._process.stdin.drain()


def _text(data: bytes | str | None) -> str:
    return data if isinstance(data, str) else (data or b"").decode(errors="replace")
