"""Follow the growing archive: source file → catalog file → destination file, all at once.

Podman writes into a file, never into a pipe: with its reader gone it would hold the container's
lock for ever (field notes 3 and 4). The catalog's file is the buffer between the two links, so
either may be slow, or break and go on at its offset.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import PurePosixPath

from nodes.catalog.store import IncomingFile
from nodes.operations.errors import TransferFailed
from nodes.operations.report import Phase
from nodes.operations.staging import file_size_bytes
from nodes.ssh.errors import NodeUnreachable
from nodes.ssh.session import CHUNK_BYTES, NodeSession

RETRY_FOR_S = 60.0


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


@dataclass
class Transfer:
    """One archive on its way; ``total_bytes`` is known once Podman has written it all."""

    source: NodeSession
    destination: NodeSession
    path: PurePosixPath
    incoming: IncomingFile
    phase: Phase
    total_bytes: int | None = None

    async def receive(self, pid: int) -> None:
        """Bring the archive from the source into the catalog. Raises TransferFailed."""

        async def follow() -> None:
            argv = follow_argv(self.path, pid, self.incoming.size_bytes)
            async for chunk in self.source.read(argv):
                await self.incoming.write(chunk)

        await _again_when_lost(follow)
        expected_bytes = await file_size_bytes(self.source, self.path)
        if expected_bytes != self.incoming.size_bytes:
            raise TransferFailed(
                "The archive did not arrive whole in the catalog.",
                cause=f"{self.incoming.size_bytes} of {expected_bytes} bytes arrived.",
                remedy="Try again; if it happens again, look at the source's disk.",
            )
        await self.incoming.end()

    async def forward(self) -> None:
        """Bring the growing catalog file to the destination. Raises TransferFailed."""
        descriptor = os.open(self.incoming.path, os.O_RDONLY)

        async def push() -> None:
            offset = await file_size_bytes(self.destination, self.path)
            async with self.destination.write(write_at_argv(self.path, offset)) as writer:
                while await self.incoming.wait_beyond(offset):
                    chunk = await asyncio.to_thread(os.pread, descriptor, CHUNK_BYTES, offset)
                    await writer.write(chunk)
                    offset += len(chunk)
                    await self.phase.progress(offset, self.total_bytes)

        try:
            await _again_when_lost(push)
        finally:
            os.close(descriptor)
        arrived_bytes = await file_size_bytes(self.destination, self.path)
        if arrived_bytes != self.incoming.size_bytes:
            raise TransferFailed(
                f"The archive did not arrive whole on {self.destination.name}.",
                cause=f"{arrived_bytes} of {self.incoming.size_bytes} bytes arrived.",
                remedy="Check the destination's disk, then try again.",
            )


async def _again_when_lost(work: Callable[[], Awaitable[None]]) -> None:
    clock = asyncio.get_running_loop().time
    give_up_at: float | None = None
    while True:
        try:
            return await work()
        except NodeUnreachable:
            give_up_at = give_up_at or clock() + RETRY_FOR_S
            if clock() > give_up_at:
                raise
            await asyncio.sleep(1)
