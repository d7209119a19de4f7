"""One cgroup per host: what belongs to the host, frozen and killed as a whole.

It also keeps two hosts that hold the same container ID from sharing its cgroup.
"""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

from tests.lab.errors import LabError

TIMEOUT_S = 10.0


class HostCgroup:
    """The cgroup that a host sees as the root of its hierarchy."""

    def __init__(self, instance: str, host: str) -> None:
        self.path = _cgroup2_mount() / f"ferry-lab-{instance}-{host}"
        # A cgroup with members cannot pass controllers on, so the members live in a leaf.
        self.leaf = self.path / "init"

    def create(self) -> None:
        """Make the cgroup, with a leaf for its members."""
        self.leaf.mkdir(parents=True, exist_ok=True)

    def move_to_leaf(self) -> None:
        """Move what was started at the top into the leaf."""
        for pid in (self.path / "cgroup.procs").read_text().split():
            with suppress(ProcessLookupError):
                (self.leaf / "cgroup.procs").write_text(pid)

    @property
    def is_frozen(self) -> bool:
        """Whether the host is frozen."""
        return self._event("frozen") == "1"

    def freeze(self) -> None:
        """Stop every process of the host where it is."""
        (self.path / "cgroup.freeze").write_text("1")
        self._wait_for("frozen", "1")

    def thaw(self) -> None:
        """Let the processes go on."""
        (self.path / "cgroup.freeze").write_text("0")
        self._wait_for("frozen", "0")

    def kill(self) -> None:
        """Kill every process of the host, frozen or not."""
        if self.path.exists():
            (self.path / "cgroup.kill").write_text("1")
            self._wait_for("populated", "0")

    def remove(self) -> None:
        """Remove the cgroup and those that Podman made below it."""
        folders = [self.path, *self.path.rglob("*")] if self.path.exists() else []
        for folder in sorted((f for f in folders if f.is_dir()), reverse=True):
            folder.rmdir()

    def _event(self, name: str) -> str | None:
        try:
            lines = (self.path / "cgroup.events").read_text().splitlines()
        except FileNotFoundError:
            return None
        return dict(line.split() for line in lines).get(name)

    def _wait_for(self, name: str, value: str) -> None:
        deadline = time.monotonic() + TIMEOUT_S
        while self._event(name) != value:
            if time.monotonic() > deadline:
                raise LabError(f"{self.path}: '{name}' did not become {value} in {TIMEOUT_S} s")
            time.sleep(0.01)


def _cgroup2_mount() -> Path:
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields, _, kind = line.partition(" - ")
        if kind.split()[0] == "cgroup2":
            return Path(fields.split()[4])
    raise LabError("no cgroup2 hierarchy is mounted on this machine")
