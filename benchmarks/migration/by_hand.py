"""Move a container with the plain podman and scp commands, one after another."""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from tests.lab import Host

ARCHIVE = "/root/by-hand.tar.zst"


@dataclass(frozen=True)
class Keys:
    """An SSH key of the benchmark's own, and a known_hosts file with both hosts."""

    folder: Path

    @property
    def options(self) -> list[str]:
        return [
            "-i", str(self.folder / "id_ed25519"),
            "-o", f"UserKnownHostsFile={self.folder / 'known_hosts'}",
            "-o", "BatchMode=yes",
        ]  # fmt: skip

    @classmethod
    def make(cls, folder: Path, hosts: list[Host]) -> Keys:
        key = folder / "id_ed25519"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
        known = "".join(f"{host.address} {host.host_key}\n" for host in hosts)
        (folder / "known_hosts").write_text(known)
        for host in hosts:
            host.authorize(key.with_suffix(".pub").read_text().strip())
        return cls(folder)


def migrate_by_hand(keys: Keys, source: Host, destination: Host, name: str, compress: str) -> float:
    """Return the seconds from the first command until the container runs again.

    All that time it is down: the first command is the checkpoint.
    """
    local = str(keys.folder / "by-hand.tar.zst")
    checkpoint = ["podman", "container", "checkpoint", "--export", ARCHIVE]
    checkpoint += ["--compress", compress, name]
    restore = ["podman", "container", "restore", "--import", ARCHIVE]
    started = time.monotonic()
    _run(["ssh", *keys.options, f"root@{source.address}", *checkpoint])
    _run(["scp", "-q", *keys.options, f"root@{source.address}:{ARCHIVE}", local])
    _run(["scp", "-q", *keys.options, local, f"root@{destination.address}:{ARCHIVE}"])
    _run(["ssh", *keys.options, f"root@{destination.address}", *restore])
    seconds = time.monotonic() - started
    source.run(["podman", "rm", "--force", "--time", "0", name])
    source.run(["podman", "volume", "rm", "--all", "--force"])
    for host in (source, destination):
        host.run(["rm", "-f", ARCHIVE])
    Path(local).unlink()
    return seconds


def _run(argv: list[str]) -> None:
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
