"""An SSH server inside the test's own event loop, on which commands really run."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path

import asyncssh

from nodes.ssh.connection import NodeAddress
from nodes.ssh.host_key import host_key_of
from nodes.ssh.key_pair import KeyPair

PASSWORD = "correct horse"


class SshServer:
    """Run what comes in by `sh -c`; ``bin`` comes first on its PATH."""

    def __init__(self, folder: Path, authorized: KeyPair) -> None:
        self.bin = folder / "bin"
        self.bin.mkdir(parents=True)
        self.host_key = asyncssh.generate_private_key("ssh-ed25519")
        self.logins = 0
        self.running = 0
        self.most_running = 0
        # What has gone out of commands, be it read by the other side or not.
        self.sent_bytes = 0
        self._authorized = asyncssh.import_authorized_keys(authorized.public_key)
        self.connections: set[asyncssh.SSHServerConnection] = set()
        self._children: list[asyncio.subprocess.Process] = []
        self._acceptor: asyncssh.SSHAcceptor | None = None
        self.port = 0

    def address(self, *, sudo: bool = False) -> NodeAddress:
        return NodeAddress(
            name="alder",
            host="127.0.0.1",
            port=self.port,
            user="vera" if sudo else "root",
            sudo=sudo,
            host_key=host_key_of(self.host_key).key,
        )

    def install(self, program: str, script: str) -> None:
        path = self.bin / program
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    async def start(self) -> None:
        self._acceptor = await asyncssh.listen(
            "127.0.0.1",
            self.port,
            server_factory=lambda: _Login(self),
            server_host_keys=[self.host_key],
            authorized_client_keys=self._authorized,
            process_factory=self._run,
            encoding=None,
        )
        self.port = self._acceptor.get_port()

    async def stop(self) -> None:
        for child in self._children:
            with suppress(ProcessLookupError):
                if child.returncode is None:
                    os.killpg(child.pid, signal.SIGKILL)
            await child.wait()
        self.cut()
        if self._acceptor is not None:
            self._acceptor.close()
            await self._acceptor.wait_closed()
        async with asyncio.timeout(5):
            while self.connections:
                await asyncio.sleep(0)
        # The sockets are closed in the loop's next rounds.
        await asyncio.sleep(0.01)

    def cut(self) -> None:
        """Lose every connection that there is; new ones are taken."""
        for connection in list(self.connections):
            connection.abort()

    async def _run(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        pipe = asyncio.subprocess.PIPE
        child = await asyncio.create_subprocess_shell(
            process.command or "",
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            start_new_session=True,
            env={**os.environ, "PATH": f"{self.bin}:/usr/bin:/bin"},
        )
        self._children.append(child)
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stderr is not None
        taking = asyncio.ensure_future(_take(process.stdin, child.stdin))
        await asyncio.gather(
            self._give(child.stdout, process.stdout), self._give(child.stderr, process.stderr)
        )
        status = await child.wait()
        taking.cancel()
        self.running -= 1
        if status < 0:
            process.exit_with_signal(signal.Signals(-status).name.removeprefix("SIG"))
        else:
            process.exit(status)

    async def _give(self, source: asyncio.StreamReader, target: asyncssh.SSHWriter[bytes]) -> None:
        with suppress(OSError, asyncssh.Error):
            while chunk := await source.read(65536):
                target.write(chunk)
                await target.drain()
                self.sent_bytes += len(chunk)
        # Nobody listens any more. A full pipe would keep asyncio from seeing the command's end.
        while await source.read(65536):
            pass


async def _take(source: asyncssh.SSHReader[bytes], target: asyncio.StreamWriter) -> None:
    with suppress(OSError, asyncssh.Error):
        while chunk := await source.read(65536):
            target.write(chunk)
            await target.drain()
    # As with sshd, the input ends with the connection, too.
    target.close()


class _Login(asyncssh.SSHServer):
    def __init__(self, server: SshServer) -> None:
        self._server = server
        self._connection: asyncssh.SSHServerConnection | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        self._server.connections.add(conn)

    def connection_lost(self, exc: Exception | None) -> None:
        assert self._connection is not None
        self._server.connections.discard(self._connection)

    def auth_completed(self) -> None:
        self._server.logins += 1

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return password == PASSWORD
