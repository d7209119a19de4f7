"""Sample how much memory a process and its children have, all the time."""

from __future__ import annotations

import contextlib
import re
import threading
from pathlib import Path
from types import TracebackType

_EVERY_S = 0.05
_RESIDENT = re.compile(r"^VmRSS:\s+(\d+) kB$", re.MULTILINE)


class MemoryUse:
    """While it is entered, a thread keeps the largest sum that it has seen."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._peak_bytes = 0

    def __enter__(self) -> MemoryUse:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()

    def take_peak_bytes(self) -> int:
        """Return the largest since the last call."""
        peak_bytes, self._peak_bytes = max(self._peak_bytes, _resident_bytes(self._pid)), 0
        return peak_bytes

    def _sample(self) -> None:
        while not self._ended.wait(_EVERY_S):
            self._peak_bytes = max(self._peak_bytes, _resident_bytes(self._pid))


def _resident_bytes(pid: int) -> int:
    """Return VmRSS of a process and all below it, 0 for one that has ended."""
    with contextlib.suppress(OSError):
        found = _RESIDENT.search(Path(f"/proc/{pid}/status").read_text())
        own_bytes = int(found[1]) * 1024 if found else 0
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return own_bytes + sum(_resident_bytes(int(child)) for child in children)
    return 0
