"""Promise room on the catalog's disk to what is on its way, so that no upload fills it up."""

from __future__ import annotations

import shutil
import threading
import time
from pathlib import Path

from nodes.archives.errors import TooManyUploads
from nodes.catalog.errors import StoreFull

# What stays free in any case, for the database is on the same disk; of a small disk this share.
RESERVE_BYTES = 1024**3
RESERVE_SHARE = 0.05
# Who announces much and then sends nothing does not keep the others out for longer.
LAPSES_AFTER_S = 300.0
MOST_OF_ONE_USER = 4


class Promise:
    """Room for one file that is on its way; give it back with ``release``."""

    def __init__(self, room: Room, user_pk: int, size_bytes: int) -> None:
        self._room = room
        self.user_pk = user_pk
        # What has been promised and is not on the disk yet.
        self.left_bytes = size_bytes
        self._touched_at = time.monotonic()

    @property
    def counted_bytes(self) -> int:
        """Return what the others have to leave free for it: nothing once it has lapsed."""
        lapsed = time.monotonic() - self._touched_at >= LAPSES_AFTER_S
        return 0 if lapsed else self.left_bytes

    def came(self, count_bytes: int) -> None:
        """Note that so many of the bytes are on the disk; a lapsed promise counts again."""
        self.left_bytes = max(self.left_bytes - count_bytes, 0)
        self._touched_at = time.monotonic()

    def extend(self, more_bytes: int, free_bytes: int) -> None:
        """Ask for more, where nobody has said how much there will be. Raises StoreFull."""
        self._room.extend(self, more_bytes, free_bytes)

    def release(self) -> None:
        self._room.release(self)


class Room:
    def __init__(self) -> None:
        self._promises: list[Promise] = []
        # Views run in threads.
        self._lock = threading.Lock()

    def promise(self, user_pk: int, size_bytes: int, free_bytes: int) -> Promise:
        """Promise room beside what others have been promised. Raises TooManyUploads, StoreFull."""
        with self._lock:
            if sum(each.user_pk == user_pk for each in self._promises) >= MOST_OF_ONE_USER:
                raise TooManyUploads(MOST_OF_ONE_USER)
            self._require(size_bytes, free_bytes)
            promise = Promise(self, user_pk, size_bytes)
            self._promises.append(promise)
        return promise

    def extend(self, promise: Promise, more_bytes: int, free_bytes: int) -> None:
        with self._lock:
            self._require(more_bytes, free_bytes)
            promise.left_bytes += more_bytes

    def release(self, promise: Promise) -> None:
        with self._lock:
            if promise in self._promises:
                self._promises.remove(promise)

    def _require(self, size_bytes: int, free_bytes: int) -> None:
        promised_bytes = sum(each.counted_bytes for each in self._promises)
        room_bytes = max(free_bytes - promised_bytes, 0)
        if size_bytes > room_bytes:
            size, there = _mib(size_bytes), _mib(room_bytes)
            raise StoreFull(f"The upload needs {size}, of which there is room for {there}.")


def reserve_bytes(folder: Path) -> int:
    """Return how much of the folder's disk no upload may take."""
    return min(RESERVE_BYTES, int(shutil.disk_usage(folder).total * RESERVE_SHARE))


def _mib(size_bytes: int) -> str:
    return f"{size_bytes / 1024**2:,.1f} MiB"


# Of this process: each that serves promises by itself, and a disk that is full all the same
# refuses what comes.
room = Room()
