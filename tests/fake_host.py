"""A host of the fleet inside the test process: a real SSH server with recorded answers."""

from __future__ import annotations

import asyncio
import shlex
import threading
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import asyncssh

RECORDED = Path(__file__).parent / "recorded" / "5.8.6"
Answer = tuple[str, str, int]  # stdout, stderr, exit status
Result = TypeVar("Result")
NOT_FOUND = 127
# The probe's sections, by the command that answers each.
PROBED = {
    "user": ["id", "-u"],
    "capabilities": ["grep", "Cap"],
    "cpu": ["grep", "flags"],
    "memory": ["grep", "Mem"],
    "podman": ["podman", "--version"],
    "podman-info": ["podman", "info"],
    "runc": ["runc", "--version"],
    "conmon": ["conmon", "--version"],
    "criu": ["criu", "--version"],
    "criu-check": ["criu", "check"],
    "criu-check-all": ["criu", "check"],
    "staging": ["stat"],
    "graph-root": ["stat"],
}
TOOLS = {name: [name, "--version"] for name in ("podman", "criu", "runc")}


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
        # How long each command could take that was run with a limit.
        self.limits_s: list[int] = []
        self.sudo_error = ""
        # Whether `podman events` waits for events, of which there are none, or ends at once.
        self.events_go_on = False
        # What else is installed, beside what answers.
        self.tools = ["apt-get", "tar", "zstd", "gzip", "iptables-restore"]
        # The files of containers.conf, by path.
        self.files: dict[str, str] = {}
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
            "podman --version": ("podman version 5.8.6\n", "", 0),
            "criu --version": ("Version: 4.2.1\n", "", 0),
            "criu check": ("", "Looks good.\n", 0),
            "runc --version": ("runc version 1.3.6\n", "", 0),
            "conmon --version": ("conmon version 2.1.13\n", "", 0),
            "id -u": ("0\n", "", 0),
            "stat": ("26214400 4096\n", "", 0),
            "grep": ("flags : fpu sse2 avx2\n", "", 0),
            "grep Cap": ("CapEff:\t000001ffffffffff\n", "", 0),
            "cat": ("", "", 0),
            "test": ("", "", 0),
        }
        # What it answers once it was asked for something: by the first two words of that.
        self.afterwards: dict[str, dict[str, Answer]] = {}
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
        """Be a bare host: neither Podman nor what it takes is installed."""
        gone = ("podman", "criu", "runc", "conmon")
        self.answers = {
            words: answer
            for words, answer in self.answers.items()
            if words.partition(" ")[0] not in gone
        }

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
        if argv[:2] == ["timeout", "-k"]:
            self.limits_s.append(int(argv[3]))
            argv = argv[4:]
        self.commands.append(argv)
        if argv[:2] == ["podman", "events"] and self.events_go_on:
            return
        stdout, stderr, status = self._find_answer(argv)
        self.answers.update(self.afterwards.get(" ".join(argv[:2]), {}))
        process.stdout.write(stdout)
        process.stderr.write(stderr)
        process.exit(status)

    def _find_answer(self, argv: list[str]) -> Answer:
        if argv[:2] == ["sh", "-c"] and argv[3:4] == ["authorise"]:
            self.authorized_keys.append(argv[4])
            return "", "", 0
        if argv[:2] == ["sh", "-c"] and argv[3:4] == ["probe"]:
            return self._probe(argv[4]), "", 0
        for words in range(len(argv), 0, -1):
            if answer := self.answers.get(" ".join(argv[:words])):
                return answer
        return "", f"sh: 1: {argv[0]}: not found\n", NOT_FOUND

    def _probe(self, mark: str) -> str:
        """Answer as the probe's script would, from the host's other answers."""
        now = f"{time.time()}\n"
        texts = {"began": (now, 0)}
        for name, argv in PROBED.items():
            stdout, stderr, status = self._find_answer(argv)
            texts[name] = (stdout + stderr, status)
        tools = [tool for tool, argv in TOOLS.items() if self._find_answer(argv)[2] != NOT_FOUND]
        texts["tools"] = ("\n".join([*tools, *self.tools]), 0)
        texts["gnu-tar"] = ("tar (GNU tar) 1.35\n", 0)
        for path, text in self.files.items():
            texts[f"file {path}"] = (text, 0)
        texts["ended"] = (now, 0)
        return "".join(
            f"{mark} begin {name}\n{text}\n{mark} end {status}\n"
            for name, (text, status) in texts.items()
        )


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
