"""Give each lab host a disk of its own that can be full: a tmpfs below its whole folder.

It belongs to the machine, not to the host: a host that is booted again finds it as it was.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.lab import Host
from tests.lab.places import instances_folder

SIZE_MIB = 400
_FILLER = "/var/faults-filler"
# fallocate() first, since it is fast; what others freed or took meanwhile goes by writing.
_FILL = """
free=$(stat --file-system --format='%a %S' / | { read -r blocks size; echo $((blocks * size)); })
fallocate --length "$free" "$1" 2>/dev/null
dd if=/dev/zero of="$1" bs=4096 oflag=append conv=notrunc status=none 2>/dev/null
exit 0
"""


@contextmanager
def small_disks(instance: str, names: list[str]) -> Iterator[None]:
    """Mount the disks before the lab makes its hosts; take them away with all that is on them."""
    folders = [instances_folder() / instance / "hosts" / name for name in names]
    for folder in folders:
        unmount(folder)
        mount(folder, SIZE_MIB)
    try:
        yield
    finally:
        for folder in folders:
            unmount(folder)


def mount(folder: Path, size_mib: int) -> None:
    """Mount a tmpfs of that size on a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    options = f"size={size_mib}m,mode=0755"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "ferry-faults", folder], check=True)


def unmount(folder: Path) -> None:
    """Take a disk away, if there is one."""
    while os.path.ismount(folder):
        subprocess.run(["umount", "--lazy", folder], check=True)


def fill(host: Host) -> None:
    """Leave no byte free on the host's disk: staging, Podman's store and database alike."""
    host.run(["sh", "-c", _FILL, "fill", _FILLER])


def free(host: Host) -> None:
    """Undo fill()."""
    host.run(["rm", "-f", _FILLER])
