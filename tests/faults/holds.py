"""Other ways to make a phase last: stop a process half-way, or narrow the link."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from tests.lab import Host, LabError
from tests.lab.process import RecordedProcess, process_name

_LOOK_FOR_S = 30.0


class Hold(Protocol):
    """Makes a phase last."""

    def close(self) -> None:
        """Make ready, before the operation begins."""

    def wait(self, timeout_s: float) -> bool:
        """Wait until it holds; return False when it never did."""

    def open(self) -> None:
        """Let it go on."""


@dataclass(kw_only=True)
class Stop:
    """Stop (SIGSTOP) a process of the host as soon as it is half-way through its work."""

    host: Host
    name: str
    half_way: Callable[[Host, int], bool]
    _stopped: list[RecordedProcess] = field(default_factory=list)
    _held: threading.Event = field(default_factory=threading.Event)
    _given_up: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def close(self) -> None:
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def wait(self, timeout_s: float) -> bool:
        return self._held.wait(timeout_s)

    def open(self) -> None:
        self._given_up.set()
        if self._thread is not None:
            self._thread.join()
        for process in self._stopped:
            if process.is_running:
                os.kill(process.pid, signal.SIGCONT)

    def _watch(self) -> None:
        deadline = time.monotonic() + _LOOK_FOR_S
        while time.monotonic() < deadline and not self._given_up.is_set():
            for pid in pids_of(self.host):
                if process_name(pid) == self.name and self.half_way(self.host, pid):
                    with suppress(LabError, OSError, ValueError):
                        first = _first_of(self.host, pid, self.name)
                        self._stopped.append(RecordedProcess.of(first))
                        os.kill(first, signal.SIGSTOP)
                        self._held.set()
                        return
            time.sleep(0.001)


def _first_of(host: Host, pid: int, name: str) -> int:
    """Return the process of that name which began it.

    CRIU's restore forks tasks, one of them as its own sibling, and gives up if one is stopped.
    """
    parent = _parent(pid)
    if process_name(parent) == name:
        return _first_of(host, parent, name)
    return min(
        other for other in pids_of(host) if process_name(other) == name and _parent(other) == parent
    )


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def pids_of(host: Host) -> Iterator[int]:
    """Yield the host's processes as this machine numbers them."""
    # conmon, and the CRIU that it has runc start, are in a cgroup of their own.
    for listed in host.cgroup.path.rglob("cgroup.procs"):
        with suppress(OSError):
            yield from map(int, listed.read_text().split())


def writes_images(host: Host, pid: int) -> bool:
    """Tell whether this CRIU is in the middle of a container's images."""
    with suppress(OSError):
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                if os.readlink(link).endswith(".img"):
                    return True
    return False


def writes_archive(host: Host, pid: int) -> bool:
    """Tell whether this Podman has begun to write an operation's archive."""
    with suppress(OSError):
        if b"--export" not in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
            return False
        return any(
            archive.stat().st_size > 0 for archive in host.path("/var/lib/ferry").glob("*/archive")
        )
    return False


@dataclass(kw_only=True)
class Narrow:
    """Let a link carry so little that a transfer takes its time."""

    host: Host
    rate: str = "16mbit"

    def close(self) -> None:
        self.host.shape(self.rate)

    def wait(self, timeout_s: float) -> bool:
        # Whether bytes flow is for the operation to tell.
        return True

    def open(self) -> None:
        if self.host.is_running:
            self.host.unshape()
