"""Follow the growing archive: source file → catalog file → destination file, all at once.

Podman writes into a file, never into a pipe: with its reader gone it would hold the container's
lock for ever (field notes 3 and 4). The catalog's file is the buffer between the two links, so
either may be slow, or break and go on at its offset.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import PurePosixPath

from nodes.catalog.store import IncomingFile
from nodes.criu.diagnosis import Evidence, diagnose
from nodes.operations.again import again_when_lost
from nodes.operations.errors import TransferFailed
from nodes.operations.report import Phase
from nodes.operations.staging import file_size_bytes
from nodes.operations.unpack_ahead import UnpackAhead
from nodes.ssh.errors import CommandFailed, NodeUnreachable
from nodes.ssh.session import CHUNK_BYTES, NodeSession


def follow_argv(path: PurePosixPath, pid: int, offset: int) -> list[str]:
    """Print a file from an offset on, as it grows, until the process that writes it has gone."""
    return [
        "tail", "--sleep-interval=0.05", f"--pid={pid}", f"--bytes=+{offset + 1}",
        "--follow=descriptor", "--", str(path),
    ]  # fmt: skip


def write_at_argv(path: PurePosixPath, offset: int) -> list[str]:
    """Write at an offset, so that what a broken connection still delivers lands where it should."""
    return [
        "dd", f"of={path}", "bs=1M", "iflag=fullblock", "oflag=seek_bytes", f"seek={offset}",
        "conv=notrunc", "status=none",
    ]  # fmt: skip


@dataclass(kw_only=True)
class Transfer:
    """One archive on its way; ``total_bytes`` is known once Podman has written it all."""

    source: NodeSession
    destination: NodeSession
    path: PurePosixPath
    incoming: IncomingFile
    phase: Phase
    unpack_ahead: UnpackAhead | None = None
    total_bytes: int | None = None
    _written: asyncio.Event = field(default_factory=asyncio.Event)

    def is_written(self, total_bytes: int) -> None:
        """Say that Podman has ended well and how large its archive is."""
        self.total_bytes = total_bytes
        self._written.set()

    async def receive(self, pid: int) -> None:
        """Bring the archive from the source into the catalog. Raises TransferFailed."""

        async def follow() -> None:
            argv = follow_argv(self.path, pid, self.incoming.size_bytes)
            async for chunk in self.source.read(argv):
                await self.incoming.write(chunk)

        await again_when_lost(follow)
        # A file that Podman did not finish must not look like a whole one to whoever reads on.
        await self._written.wait()
        if self.total_bytes != self.incoming.size_bytes:
            raise TransferFailed(
                "The archive did not arrive whole in the catalog.",
                cause=f"{self.incoming.size_bytes} of {self.total_bytes} bytes arrived.",
                remedy="Try again; if it happens again, look at the source's disk.",
            )
        await self.incoming.end()

    async def forward(self) -> None:
        """Bring the catalog's file, growing or whole, to the destination.

        Raises TransferFailed. After a broken connection it goes on with the whole archive.
        """
        descriptor = os.open(self.incoming.path, os.O_RDONLY)
        try:
            if self.unpack_ahead is not None:
                with suppress(NodeUnreachable):
                    await self._push(descriptor, self.unpack_ahead.receive_argv(), 0)
                    return
                self.unpack_ahead = None
            await again_when_lost(partial(self._push_rest, descriptor))
        finally:
            os.close(descriptor)
        arrived_bytes = await file_size_bytes(self.destination, self.path)
        if arrived_bytes != self.incoming.size_bytes:
            raise TransferFailed(
                f"The archive did not arrive whole on {self.destination.name}.",
                cause=f"{arrived_bytes} of {self.incoming.size_bytes} bytes arrived.",
                remedy="Check the destination's disk, then try again.",
            )

    async def _push_rest(self, descriptor: int) -> None:
        offset = await file_size_bytes(self.destination, self.path)
        await self._push(descriptor, write_at_argv(self.path, offset), offset)

    async def _push(self, descriptor: int, argv: list[str], offset: int) -> None:
        try:
            async with self.destination.write(argv) as writer:
                while await self.incoming.wait_beyond(offset):
                    chunk = await asyncio.to_thread(os.pread, descriptor, CHUNK_BYTES, offset)
                    await writer.write(chunk)
                    offset += len(chunk)
                    await self.phase.progress(offset, self.total_bytes)
        except CommandFailed as failure:
            facts = {"node": self.destination.name}
            found = diagnose(Evidence(stderr=failure.stderr, facts=facts))
            raise TransferFailed(
                f"The archive could not be written on {self.destination.name}.",
                cause=failure.stderr.strip(),
                remedy=found.remedy if found else "Look at that node's disk, then try again.",
                rule=found.rule.id if found else "",
                line=found.line if found else "",
                node=self.destination.name,
            ) from failure
