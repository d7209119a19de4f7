"""A host on which `podman` is a script of the test's: what it prints goes on as a real one's."""

from __future__ import annotations

import asyncio
from pathlib import Path

from nodes.inventory.site_key import load_site_key
from nodes.models import Node
from tests.factories import make_node
from tests.unit.ssh_server import SshServer

STAMP = "2026-11-29T11:25:18.{:09d}Z"
GONE_S = 5.0


class PodmanHost:
    def __init__(self, folder: Path) -> None:
        self.server = SshServer(folder / "host", load_site_key())
        self.log = folder / "log"
        self.log.write_text("")
        self._written = 0
        self.follows_on()

    def podman(self, script: str) -> None:
        self.server.install("podman", script)

    def follows_on(self) -> None:
        self.podman(f"exec tail -n 500 -f {self.log}")

    def has_ended(self) -> None:
        self.podman(f"exec cat {self.log}")

    def write(self, *lines: str) -> None:
        """Have the container write lines, each a moment after the one before."""
        with self.log.open("a") as log:
            for line in lines:
                self._written += 1
                log.write(f"{STAMP.format(self._written * 1000)} {line}\n")

    def register(self, name: str = "alder") -> Node:
        address = self.server.address()
        return make_node(name, port=address.port, host_key=address.host_key)

    async def stop(self) -> None:
        """Stop the server, after what it runs has seen that nobody reads any more."""
        await self.nothing_runs()
        await self.server.stop()

    async def nothing_runs(self) -> bool:
        async with asyncio.timeout(GONE_S):
            while self.server.running:
                await asyncio.sleep(0.02)
        return True
