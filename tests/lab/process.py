"""Recognise a recorded process again, and stop no other."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.lab.errors import LabError
from tests.lab.places import read_json, write_json

START_TIME_FIELD = 19  # of /proc/PID/stat, counted after the closing bracket of the name


@dataclass(frozen=True)
class RecordedProcess:
    """One process of one boot; a reused PID does not compare equal."""

    pid: int
    start_time: int
    boot_id: str

    @classmethod
    def of(cls, pid: int) -> RecordedProcess:
        """Identify a process that runs now."""
        fields = _stat_fields(pid)
        if fields is None:
            raise LabError(f"process {pid} has already ended")
        return cls(pid, int(fields[START_TIME_FIELD]), _boot_id())

    @classmethod
    def load(cls, path: Path) -> RecordedProcess | None:
        """Return the recorded process, whether or not it still runs."""
        recorded = read_json(path)
        return None if recorded is None else cls(**recorded)

    def save(self, path: Path) -> None:
        """Record the process in a file."""
        write_json(path, asdict(self))

    @property
    def is_running(self) -> bool:
        """Whether this very process still runs; a zombie does not."""
        fields = _stat_fields(self.pid)
        return (
            fields is not None
            and int(fields[START_TIME_FIELD]) == self.start_time
            and fields[0] not in ("Z", "X")
            and self.boot_id == _boot_id()
        )

    def kill(self, *, timeout_s: float = 10) -> None:
        """Kill the process, if it is still the same one, and wait for its end."""
        deadline = time.monotonic() + timeout_s
        while self.is_running:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            if time.monotonic() > deadline:
                raise LabError(f"process {self.pid} does not die")
            time.sleep(0.01)


def child_pids(pid: int) -> list[int]:
    """Return the direct children of a process."""
    try:
        return [
            int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        ]
    except (FileNotFoundError, ProcessLookupError):
        return []


def process_name(pid: int) -> str:
    """Return what a process is called, or nothing if it has ended."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _stat_fields(pid: int) -> list[str] | None:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
