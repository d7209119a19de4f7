"""The configuration of Podman and CRIU on a host, which tests rewrite."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from tests.lab.rootfs import FILES_FOLDER

if TYPE_CHECKING:
    from tests.lab.machine import Machine

FOLDER = "etc/containers"
# With them go what tests and Ferry have left beside: backups, drop-ins, limits of CRIU.
FORGET = """
rm -rf /etc/containers/containers.conf*
rm -f /etc/criu/runc.conf
"""


def reset(host: Machine) -> None:
    """Put back the files that the root filesystem of a ready host came with."""
    host.shell(FORGET)
    shutil.copytree(FILES_FOLDER / FOLDER, host.path(FOLDER), dirs_exist_ok=True)
