"""A lab: some hosts on one bridge, under one name."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.lab.command import run_command
from tests.lab.errors import LabError
from tests.lab.host import Host
from tests.lab.network import MAX_HOSTS, Network
from tests.lab.packages import install_missing_packages, require_root
from tests.lab.places import instances_folder, locked, read_json, write_json
from tests.lab.rootfs import ensure_rootfs

DEFAULT_HOSTS = ("alder", "birch")
STARTS_AT_ONCE = 4


def every_instance() -> list[str]:
    """Return the names of the instances that this machine has, running or not."""
    return sorted(path.parent.name for path in instances_folder().glob("*/network.json"))


class Lab:
    """One instance of the lab, which lives on when this process ends."""

    def __init__(self, instance: str) -> None:
        # The name becomes part of interface names, which end in a host's number.
        if not re.fullmatch(r"[a-z]{1,8}", instance):
            raise LabError(f"not a name for a lab instance: {instance!r}; take 1 to 8 letters a-z")
        self.instance = instance
        self.folder = instances_folder() / instance
        self.network = Network(instance)

    def up(self, names: Sequence[str] = DEFAULT_HOSTS, *, rootfs: str = "forky") -> dict[str, Host]:
        """Bring hosts up, building and starting only what is missing.

        Thaws and mends hosts, and waits until every sshd answers. `rootfs` is
        what new hosts are made of; those that exist keep theirs.
        """
        require_root()
        install_missing_packages()
        ensure_rootfs(rootfs)
        with locked(self.folder / "lock"):
            self.network.up()
            for name in names:
                self._register(name, rootfs)
            hosts = [self.host(name) for name in names]
            _for_each(Host.start, hosts)
        return {host.name: host for host in hosts}

    def down(self, *, wipe: bool = False) -> None:
        """Stop all hosts and remove the bridge; the disks stay unless wiped."""
        require_root()
        if not self.folder.exists():
            return
        with locked(self.folder / "lock"):
            if self._was_up:
                _for_each(Host.stop, self.hosts.values())
                self.network.down()
        if wipe:
            _unmount_beneath(self.folder)
            shutil.rmtree(self.folder)

    @property
    def hosts(self) -> dict[str, Host]:
        """All recorded hosts by name, running or not."""
        if not self._was_up:
            return {}
        names = [path.parent.name for path in self.folder.glob("hosts/*/host.json")]
        found = [Host(self.instance, name, self.network) for name in names]
        return {host.name: host for host in sorted(found, key=lambda host: host.index)}

    def host(self, name: str) -> Host:
        """Return one host; LabError says which there are."""
        hosts = self.hosts
        if name not in hosts:
            known = ", ".join(hosts) or "none"
            raise LabError(f"lab {self.instance!r} has no host {name!r}; its hosts: {known}")
        return hosts[name]

    @property
    def _was_up(self) -> bool:
        return (self.folder / "network.json").exists()

    def _register(self, name: str, rootfs: str) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9-]{0,30}", name):
            raise LabError(f"not a host name: {name!r}")
        hosts = self.hosts
        if name in hosts:
            return
        used = {host.index for host in hosts.values()}
        free = [index for index in range(1, MAX_HOSTS + 1) if index not in used]
        if not free:
            raise LabError(f"a lab has room for {MAX_HOSTS} hosts")
        path = self.folder / "hosts" / name / "host.json"
        if read_json(path) is None:
            write_json(path, {"index": free[0], "rootfs": rootfs})


def _unmount_beneath(folder: Path) -> None:
    """Unmount the small disks that a test which was killed has left behind."""
    mounted = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    for path in reversed(mounted):
        if Path(path).is_relative_to(folder):
            run_command(["umount", path])


def _for_each(action: Callable[[Host], None], hosts: Iterable[Host]) -> None:
    with ThreadPoolExecutor(STARTS_AT_ONCE) as pool:
        list(pool.map(action, hosts))
