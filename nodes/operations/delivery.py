"""Bring the catalog's file, growing or whole, to a node, where a restore needs a seekable file."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Protocol

from nodes.criu.diagnosis import Evidence, diagnose
from nodes.operations.errors import TransferFailed
from nodes.operations.leg import Leg
from nodes.operations.report import Phase, Report
from nodes.operations.staging import file_size_bytes
from nodes.operations.unpack_ahead import UnpackAhead
from nodes.problem import FerryError
from nodes.ssh.errors import CommandFailed
from nodes.ssh.session import CHUNK_BYTES, NodeSession
from nodes.uninterrupted import uninterrupted


def write_at_argv(path: PurePosixPath, offset: int) -> list[str]:
    """Write at an offset, so that what a broken connection still delivers lands where it should.

    Blocks of what a pipe holds: each is in the file, and counted there, as soon as it has come.
    """
    return [
        "dd", f"of={path}", "bs=64K", "oflag=seek_bytes", f"seek={offset}", "conv=notrunc",
        "status=none",
    ]  # fmt: skip


class Cargo(Protocol):
    """A file of the catalog: one that still grows (IncomingFile), or a whole one."""

    @property
    def path(self) -> Path: ...

    @property
    def size_bytes(self) -> int: ...

    async def wait_beyond(self, offset: int) -> bool:
        """Wait until there is more than ``offset`` bytes; return False if there never will be."""


@dataclass(frozen=True, kw_only=True)
class WholeFile:
    """An archive that lies in the catalog."""

    path: Path
    size_bytes: int

    async def wait_beyond(self, offset: int) -> bool:
        return self.size_bytes > offset


@dataclass(kw_only=True)
class Delivery:
    """One archive on its way to a node; ``total_bytes`` tells its size as soon as it is known."""

    destination: NodeSession
    path: PurePosixPath
    cargo: Cargo
    report: Report
    phase: Phase
    total_bytes: Callable[[], int | None]
    unpack_ahead: UnpackAhead | None = None
    # What was seen of it on the destination.
    _there_bytes: int = 0
    _all_sent: bool = False

    async def deliver(self) -> None:
        """Raise TransferFailed. After a broken connection it goes on at the offset."""
        self.leg = Leg(
            name=f"catalog → {self.destination.name}",
            node=self.destination.name,
            report=self.report,
            phase=self.phase,
            total_bytes=self.total_bytes,
        )
        descriptor = os.open(self.cargo.path, os.O_RDONLY)
        try:
            if self.unpack_ahead is not None:
                await self.unpack_ahead.begin(self.destination)
            await self.leg.carry(partial(self._push_rest, descriptor), self._look)
            await self._require_whole()
            # Of how much was perhaps not known yet when the last of it was sent.
            await self.phase.progress(self.cargo.size_bytes, self.cargo.size_bytes)
            if self.unpack_ahead is not None:
                await self.unpack_ahead.end(self.destination)
        except BaseException:
            await uninterrupted(self._give_up())
            raise
        finally:
            os.close(descriptor)

    async def _give_up(self) -> None:
        if self.unpack_ahead is None:
            return
        # On a node that does not answer it ends by itself once the operation's folder goes.
        with suppress(FerryError):
            await self.unpack_ahead.give_up(self.destination)

    async def _require_whole(self) -> None:
        arrived_bytes = await file_size_bytes(self.destination, self.path)
        if arrived_bytes != self.cargo.size_bytes:
            raise TransferFailed(
                f"The archive did not arrive whole on {self.destination.name}.",
                cause=f"{arrived_bytes} of {self.cargo.size_bytes} bytes arrived.",
                remedy="Check the destination's disk, then try again.",
            )

    async def _push_rest(self, descriptor: int) -> None:
        offset = await file_size_bytes(self.destination, self.path)
        self._there_bytes, self._all_sent = offset, False
        await self.leg.begins_at(offset)
        try:
            async with self.destination.write(write_at_argv(self.path, offset)) as writer:
                while await self.cargo.wait_beyond(offset):
                    chunk = await self._read(descriptor, offset)
                    await writer.write(chunk)
                    offset += len(chunk)
                    await self.leg.moved(len(chunk))
                    await self.phase.progress(offset, self.total_bytes())
                self._all_sent = True
        except CommandFailed as failure:
            raise self._not_written(failure) from failure

    async def _read(self, descriptor: int, offset: int) -> bytes:
        chunk = await asyncio.to_thread(os.pread, descriptor, CHUNK_BYTES, offset)
        if not chunk:
            raise TransferFailed(
                "The archive's file in the catalog is shorter than it was.",
                cause=f"It ends at {offset} of {self.cargo.size_bytes} bytes.",
                remedy="Verify the archive; take another one.",
            )
        return chunk

    async def _look(self) -> str | None:
        there_bytes = await file_size_bytes(self.destination, self.path)
        if there_bytes > self._there_bytes:
            self._there_bytes = there_bytes
            return ""
        if there_bytes < self.cargo.size_bytes or self._all_sent:
            return None
        return "Waiting for more to arrive in the catalog."

    def _not_written(self, failure: CommandFailed) -> TransferFailed:
        name = self.destination.name
        found = diagnose(Evidence(stderr=failure.stderr, facts={"node": name}))
        return TransferFailed(
            f"The archive could not be written on {name}.",
            cause=failure.stderr.strip(),
            remedy=found.remedy if found else "Look at that node's disk, then try again.",
            rule=found.rule.id if found else "",
            line=found.line if found else "",
            node=name,
        )
