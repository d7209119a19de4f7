"""Small disks inside a host, to run out of space on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.lab.errors import LabError

if TYPE_CHECKING:
    from tests.lab.machine import Machine

FILLER = ".ferry-lab-filler"
# More free space than this is the machine's own disk, which nobody wants to be full.
MAX_FILL_BYTES = 8 * 1024**3


def limit(host: Machine, path: str, size_bytes: int) -> None:
    """Mount a tmpfs of that size over a folder, which hides what is in it."""
    host.run(["mkdir", "-p", path])
    host.run(["mount", "-t", "tmpfs", "-o", f"size={size_bytes},mode=0755", "ferry-lab", path])


def unlimit(host: Machine, path: str) -> None:
    """Take the small disk away with all that is on it."""
    host.run(["umount", path])


def fill(host: Machine, path: str, leave_bytes: int) -> None:
    """Fill the disk that holds a folder, leaving that many bytes free."""
    output = host.run(["stat", "--file-system", "--format", "%a %S", path]).stdout
    blocks, block_bytes = map(int, output.split())
    size_bytes = blocks * block_bytes - leave_bytes
    if size_bytes > MAX_FILL_BYTES:
        raise LabError(f"{host.name}: {path} has too much space to fill: limit_disk() it first")
    if size_bytes > 0:
        host.run(["fallocate", "--length", str(size_bytes), f"{path.rstrip('/')}/{FILLER}"])
