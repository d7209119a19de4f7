"""Install what the lab itself needs on this machine."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.lab.command import SYSTEM_PATH, run_command
from tests.lab.errors import LabError
from tests.lab.places import cache_folder, locked

# A file or command that each package brings.
NEEDED = {
    "debootstrap": "debootstrap",
    "debian-archive-keyring": "/usr/share/keyrings/debian-archive-keyring.gpg",
    "iproute2": "tc",
    "util-linux": "nsenter",
    "openssh-client": "ssh-keygen",
    "gcc": "gcc",
    "libc6-dev": "/usr/include/stdio.h",
}


def require_root() -> None:
    """Raise LabError unless this process is root."""
    if os.geteuid() != 0:
        raise LabError("the lab makes namespaces and mounts: run it as root")


def install_missing_packages() -> None:
    """Install the packages that are missing, and say which."""
    if not _missing():
        return
    # Several processes of tests may begin on the same fresh machine.
    with locked(cache_folder() / "packages.lock"):
        _install(_missing())


def _missing() -> list[str]:
    return [package for package, proof in NEEDED.items() if not _is_there(proof)]


def _install(missing: Sequence[str]) -> None:
    if not missing:
        return
    if shutil.which("apt-get", path=SYSTEM_PATH) is None:
        raise LabError(f"missing on this machine, which has no apt-get: {', '.join(missing)}")
    print(f"lab: installing {', '.join(missing)} on this machine", file=sys.stderr, flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "PATH": SYSTEM_PATH}
    install = ["apt-get", "install", "-y", "--no-install-recommends", *missing]
    if run_command(install, env=environment, timeout=600, check=False).returncode != 0:
        # The usual reason is a package list that is old or absent.
        run_command(["apt-get", "update"], env=environment, timeout=600)
        run_command(install, env=environment, timeout=600)


def _is_there(proof: str) -> bool:
    if proof.startswith("/"):
        return Path(proof).exists()
    return shutil.which(proof, path=SYSTEM_PATH) is not None
