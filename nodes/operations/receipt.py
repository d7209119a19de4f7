"""Follow the growing archive from its node into the catalog.

Podman writes into a file, never into a pipe: with its reader gone it would hold the container's
lock for ever (field notes 3 and 4). The link may be slow, or break and go on at its offset.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from nodes.catalog.store import IncomingFile
from nodes.operations.errors import TransferFailed
from nodes.operations.leg import Leg
from nodes.operations.report import Phase, Report
from nodes.operations.staging import file_size_bytes
from nodes.ssh.session import NodeSession


def follow_argv(path: PurePosixPath, pid: int, offset: int) -> list[str]:
    """Print a file from an offset on, as it grows, until the process that writes it has gone."""
    return [
        "tail", "--sleep-interval=0.05", f"--pid={pid}", f"--bytes=+{offset + 1}",
        "--follow=descriptor", "--", str(path),
    ]  # fmt: skip


@dataclass(kw_only=True)
class Receipt:
    """One archive on its way; ``total_bytes`` is known once Podman has written it all."""

    source: NodeSession
    path: PurePosixPath
    incoming: IncomingFile
    report: Report
    phase: Phase
    # Whether nobody further on tells the phase how far it is.
    is_last_leg: bool = False
    total_bytes: int | None = None
    _written: asyncio.Event = field(default_factory=asyncio.Event)

    def is_written(self, total_bytes: int) -> None:
        """Say that Podman has ended well and how large its archive is."""
        self.total_bytes = total_bytes
        self._written.set()

    async def receive(self, pid: int) -> None:
        """Bring the archive from the source into the catalog. Raises TransferFailed."""
        self.leg = Leg(
            name=f"{self.source.name} → catalog",
            node=self.source.name,
            report=self.report,
            phase=self.phase,
            total_bytes=lambda: self.total_bytes,
        )
        await self.leg.carry(lambda: self._follow(pid), self._look)
        # A file that Podman did not finish must not look like a whole one to whoever reads on.
        await self._written.wait()
        if self.total_bytes != self.incoming.size_bytes:
            raise TransferFailed(
                "The archive did not arrive whole in the catalog.",
                cause=f"{self.incoming.size_bytes} of {self.total_bytes} bytes arrived.",
                remedy="Try again; if it happens again, look at the source's disk.",
            )
        if self.is_last_leg:
            # Of how much was perhaps not known yet when the last of it came.
            await self.phase.progress(self.incoming.size_bytes, self.total_bytes)
        await self.incoming.end()

    async def _follow(self, pid: int) -> None:
        argv = follow_argv(self.path, pid, self.incoming.size_bytes)
        await self.leg.begins_at(self.incoming.size_bytes)
        async for chunk in self.source.read(argv):
            await self.incoming.write(chunk)
            await self.leg.moved(len(chunk))
            if self.is_last_leg:
                await self.phase.progress(self.incoming.size_bytes, self.total_bytes)

    async def _look(self) -> str | None:
        there_bytes = await file_size_bytes(self.source, self.path)
        if there_bytes > self.incoming.size_bytes or self._written.is_set():
            return None
        return f"Waiting for Podman on {self.source.name} to write on."
