"""Build the root filesystem that hosts share, once, into the cache."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from tests.lab.command import SYSTEM_PATH, run_to_log
from tests.lab.errors import LabError
from tests.lab.mirror import debian_mirror
from tests.lab.places import SOURCE_FOLDER, cache_folder, locked

PASSWORD = "ferry-lab-password"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
FILES_FOLDER = SOURCE_FOLDER / "rootfs"
BASE_PACKAGES = (
    "openssh-server", "busybox-static", "catatonit", "ca-certificates", "iproute2",
    "iputils-ping", "nftables", "procps", "sudo", "zstd",
)  # fmt: skip
CONTAINER_PACKAGES = (
    "podman", "criu", "runc", "crun", "conmon", "netavark", "aardvark-dns", "iptables",
)  # fmt: skip


@dataclass(frozen=True)
class Recipe:
    """What one root filesystem is made of."""

    suite: str
    packages: tuple[str, ...] = (*BASE_PACKAGES, *CONTAINER_PACKAGES)
    # Not installed; their packages wait in apt's cache, since a host reaches no mirror.
    downloaded: tuple[str, ...] = field(default=())

    @property
    def key(self) -> str:
        """Hash everything that decides what comes out."""
        digest = hashlib.sha256(repr((self, PASSWORD, os.uname().machine)).encode())
        for path in sorted(p for p in FILES_FOLDER.rglob("*") if p.is_file()):
            digest.update(str(path.relative_to(FILES_FOLDER)).encode() + path.read_bytes())
        return digest.hexdigest()[:12]


RECIPES = {
    # Podman 5.8 and CRIU 4.2: CRIU 4.1 cannot dump a socket on kernel 6.16 and later.
    # Its crit, in python3-pycriu, is what our own reading of CRIU's images is held against.
    "forky": Recipe("forky", packages=(*BASE_PACKAGES, *CONTAINER_PACKAGES, "python3-pycriu")),
    # A host with older versions, which preflight and diagnosis have to notice.
    "trixie": Recipe("trixie"),
    # A host to test "Prepare node" on: `apt-get install podman criu` works offline.
    "bare": Recipe("forky", packages=BASE_PACKAGES, downloaded=CONTAINER_PACKAGES),
}


def ensure_rootfs(name: str = "forky") -> Path:
    """Return the root filesystem of a recipe, building it if it is not in the cache."""
    if name not in RECIPES:
        raise LabError(f"no root filesystem is called {name!r}: choose from {', '.join(RECIPES)}")
    recipe = RECIPES[name]
    folder = cache_folder() / "rootfs"
    built = folder / f"{name}-{recipe.key}"
    if built.exists():
        return built
    with locked(folder / "lock"):
        if not built.exists():
            _remove_leftovers(folder)
            print(f"lab: building {built} (about a minute)", file=sys.stderr, flush=True)
            temporary = Path(tempfile.mkdtemp(prefix="building-", dir=folder))
            temporary.chmod(0o755)
            _build(recipe, temporary, folder / f"{name}.log")
            temporary.rename(built)
    return built


def _build(recipe: Recipe, root: Path, log: Path) -> None:
    log.unlink(missing_ok=True)
    environment = {"PATH": SYSTEM_PATH, "HOME": "/root", "LC_ALL": "C.UTF-8"}
    environment["DEBIAN_FRONTEND"] = "noninteractive"
    environment |= {k: v for k, v in os.environ.items() if k.lower().endswith("_proxy")}
    # debootstrap mounts proc: a mount namespace takes it away again, whatever happens.
    # Its last argument names a script, since an old debootstrap knows no newer suite.
    include = f"--include={','.join(recipe.packages)}"
    # Debian 12's keyring, and all later ones, know the keys of the suites above.
    verify = ["--force-check-gpg", f"--keyring={KEYRING}"]
    bootstrap = ["debootstrap", "--variant=minbase", *verify, include, recipe.suite, str(root)]
    run_to_log(["unshare", "--mount", *bootstrap, debian_mirror(), "sid"], log, env=environment)
    shutil.copytree(FILES_FOLDER / "etc", root / "etc", dirs_exist_ok=True)
    if recipe.downloaded:
        download = ["apt-get", "install", "-y", "--download-only", "--no-install-recommends"]
        run_to_log(["chroot", str(root), *download, *recipe.downloaded], log, env=environment)
    provision = root / "provision.sh"
    shutil.copy(FILES_FOLDER / "provision.sh", provision)
    state = "bare" if recipe.downloaded else "ready"
    argv = ["chroot", str(root), "/bin/sh", "/provision.sh", PASSWORD, state]
    run_to_log(argv, log, env=environment)
    provision.unlink()


def _remove_leftovers(folder: Path) -> None:
    """Remove what an interrupted build left; the caller holds the lock."""
    for leftover in folder.glob("building-*"):
        shutil.rmtree(leftover)
