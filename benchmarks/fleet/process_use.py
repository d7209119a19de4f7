"""What a process has used of the machine."""

from __future__ import annotations

import os
import re
from pathlib import Path

_RESIDENT = re.compile(r"^VmRSS:\s+(\d+) kB$", re.MULTILINE)
_TICKS_S = os.sysconf("SC_CLK_TCK")


class ProcessUse:
    def __init__(self, pid: int) -> None:
        self._folder = Path(f"/proc/{pid}")

    def cpu_s(self) -> float:
        """Return the seconds of all its threads, in user and kernel mode (proc_pid_stat(5))."""
        fields = (self._folder / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS_S

    def resident_bytes(self) -> int:
        found = _RESIDENT.search((self._folder / "status").read_text())
        return int(found[1]) * 1024 if found else 0
