"""A host of the fleet inside the test process: a real SSH server with recorded answers."""

from __future__ import annotations

import asyncio
import shlex
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import asyncssh

RECORDED = Path(__file__).parent / "recorded" / "5.8.6"
Answer = tuple[str, str, int]  # stdout, stderr, exit status
Result = TypeVar("Result")
NOT_FOUND = 127


def recorded(name: str) -> str:
    return (RECORDED / name).read_text()


class ServerLoop:
    """The event loop of all fake hosts, in a thread of its own as other machines would be."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class FakeHost:
    """Change its attributes to change how it behaves; ``commands`` holds what it was asked."""

    def __init__(self, loop: ServerLoop) -> None:
        self._loop = loop
        self._server: asyncssh.SSHAcceptor | None = None
        self.port = 0
        self.password = "correct horse"
        self.authorized_keys: list[str] = []
        self.commands: list[list[str]] = []
        self.sudo_error = ""
        # By the first words of a command; the longest that fits answers.
        self.answers: dict[str, Answer] = {
            "podman info": (recorded("info.json"), "", 0),
            "podman ps": (recorded("ps.json"), "", 0),
            "podman container inspect": (recorded("inspect-counter.json"), "", 0),
            "podman container top": ("PID  RSS    COMMAND\n1    66240  counter\n", "", 0),
            "podman volume ls": ("", "", 0),
            "podman network ls": ("podman\n", "", 0),
            "podman image exists": ("", "", 1),
            "podman image inspect": ("[]\n", "no such image", 125),
            "criu --version": ("Version: 4.2.1\n", "", 0),
            "criu check": ("", "Looks good.\n", 0),
            "stat": ("26214400 4096\n", "", 0),
            "grep": ("flags : fpu sse2 avx2\n", "", 0),
            "cat": ("", "", 0),
            "test": ("", "", 0),
        }
        self.new_host_key()

    @property
    def host_key(self) -> str:
        """Return the public host key as known_hosts has it."""
        return " ".join(self._host_key.export_public_key().decode().split()[:2])

    @property
    def fingerprint(self) -> str:
        return self._host_key.get_fingerprint()

    def new_host_key(self) -> None:
        """Take another host key, as after a new installation."""
        self._host_key = asyncssh.generate_private_key("ssh-ed25519")
        if self._server is not None:
            self.stop()
            self.start()

    def without_podman(self) -> None:
        self.answers = {"podman": ("", "sh: 1: podman: not found\n", NOT_FOUND)}

    def start(self) -> None:
        self._server = self._loop.run(self._listen())
        self.port = self._server.get_port()

    def stop(self) -> None:
        """Close the port: connections to it are refused from now on."""
        if self._server is not None:
            self._loop.run(self._close(self._server))
            self._server = None

    async def _listen(self) -> asyncssh.SSHAcceptor:
        return await asyncssh.listen(
            "127.0.0.1",
            self.port,
            server_factory=lambda: _Server(self),
            server_host_keys=[self._host_key],
            process_factory=self._answer,
            encoding="utf-8",
        )

    async def _close(self, server: asyncssh.SSHAcceptor) -> None:
        server.close()
        await server.wait_closed()

    def _answer(self, process: asyncssh.SSHServerProcess[str]) -> None:
        argv = shlex.split(process.command or "")
        if argv[:3] == ["sudo", "-n", "--"]:
            if self.sudo_error:
                process.stderr.write(self.sudo_error)
                process.exit(1)
                return
            argv = argv[3:]
        self.commands.append(argv)
        stdout, stderr, status = self._find_answer(argv)
        process.stdout.write(stdout)
        process.stderr.write(stderr)
        process.exit(status)

    def _find_answer(self, argv: list[str]) -> Answer:
        if argv[:2] == ["sh", "-c"] and argv[3:4] == ["authorise"]:
            self.authorized_keys.append(argv[4])
            return "", "", 0
        for words in range(len(argv), 0, -1):
            if answer := self.answers.get(" ".join(argv[:words])):
                return answer
        return "", f"sh: 1: {argv[0]}: not found\n", NOT_FOUND


class _Server(asyncssh.SSHServer):
    def __init__(self, host: FakeHost) -> None:
        self._host = host

    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return password == self._host.password

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        authorized = {line.split()[1] for line in self._host.authorized_keys}
        return key.export_public_key().decode().split()[1] in authorized
