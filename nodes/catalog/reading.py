"""Read what an archive holds in a thread of its own while the file still grows."""

from __future__ import annotations

import asyncio
import io
import os
import threading
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nodes.catalog.contents import Contents
from nodes.catalog.errors import ArchiveUnreadable
from nodes.catalog.index import read_contents
from nodes.catalog.members import Limits

_NICENESS = 10

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class _Abandoned(Exception):
    """Nobody waits for the contents any more."""


class GrowingFile(io.RawIOBase):
    """Give the bytes of a file that somebody else still writes, waiting at its present end."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._file = path.open("rb", buffering=0)
        self._grown = threading.Condition()
        self._size_bytes = 0
        self._given_bytes = 0
        self._ended = False
        self._abandoned = False

    def grow(self, size_bytes: int) -> None:
        with self._grown:
            self._size_bytes = size_bytes
            self._grown.notify_all()

    def end(self) -> None:
        with self._grown:
            self._ended = True
            self._grown.notify_all()

    def abandon(self) -> None:
        with self._grown:
            self._abandoned = True
            self._grown.notify_all()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        with self._grown:
            self._grown.wait_for(self._may_go_on)
            if self._abandoned:
                raise _Abandoned
            there_bytes = self._size_bytes - self._given_bytes
        count = self._file.readinto(view[:there_bytes]) or 0
        self._given_bytes += count
        return count

    def _may_go_on(self) -> bool:
        return self._abandoned or self._ended or self._size_bytes > self._given_bytes

    def close(self) -> None:
        self._file.close()
        super().close()


class Reading:
    """One archive being read; its thread is no part of a pool, for it may wait for long."""

    def __init__(self, path: Path, limits: Limits) -> None:
        self._file = GrowingFile(path)
        self._found: Future[Contents] = Future()
        self._limits = limits
        # So that whoever stops waiting cannot cancel it: the thread sets it in any case.
        self._found.set_running_or_notify_cancel()
        threading.Thread(target=self._run, name="archive-reading", daemon=True).start()

    def grow(self, size_bytes: int) -> None:
        self._file.grow(size_bytes)

    def end(self) -> None:
        self._file.end()

    def abandon(self) -> None:
        self._file.abandon()

    def _run(self) -> None:
        with suppress(OSError):
            # On Linux each thread has a niceness of its own: the transfer, for which a container
            # may be down, goes first.
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
        try:
            self._found.set_result(
                read_contents(io.BufferedReader(self._file, 1 << 20), self._limits)
            )
        except BaseException as error:
            self._found.set_exception(error)
        finally:
            self._file.close()

    @property
    def failure(self) -> ArchiveUnreadable | None:
        error: Any = self._found.exception() if self._found.done() else None
        return error if isinstance(error, ArchiveUnreadable) else None

    async def contents(self) -> Contents:
        """Return what was found, once the file has ended. Raises ArchiveUnreadable."""
        return await asyncio.wrap_future(self._found)
