"""Which packages a host lacks, and how its own package manager installs them."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from nodes.host.facts import HostFacts

# By the tool that proves a package: Podman and CRIU themselves; runc, whose archives Ferry moves;
# CRIU's lock on a network; and what unpacks an archive as it arrives.
_PACKAGES = {
    "apt": {
        "podman": "podman",
        "criu": "criu",
        "runc": "runc",
        "iptables-restore": "iptables",
        "tar": "tar",
        "zstd": "zstd",
    },
    "dnf": {
        "podman": "podman",
        "criu": "criu",
        "runc": "runc",
        # One package or another brings it, from release to release: dnf finds it by its file.
        "iptables-restore": "/usr/sbin/iptables-restore",
        "tar": "tar",
        "zstd": "zstd",
    },
}
# What a new Podman is better with: names between containers. Ubuntu 22.04 has no such package, and
# one unknown name makes a whole installation fail.
_WELCOME = ("aardvark-dns",)


@dataclass(frozen=True, kw_only=True)
class Command:
    argv: tuple[str, ...]
    # An old list of packages will mostly do, and so will Podman without what is only welcome.
    may_fail: bool = False

    @property
    def line(self) -> str:
        """Return the command as a person would type it."""
        return shlex.join(self.argv)


def missing_packages(facts: HostFacts) -> tuple[str, ...]:
    """Return the packages to install, by the names that the host's distribution gives them."""
    by_tool = _PACKAGES[facts.package_manager or "apt"]
    return tuple(package for tool, package in by_tool.items() if tool not in facts.tools)


def install_commands(package_manager: str, packages: Sequence[str]) -> tuple[Command, ...]:
    """Return the commands that install packages without asking and without restarting anything."""
    if not packages:
        return ()
    welcome = _WELCOME if "podman" in packages else ()
    if package_manager == "dnf":
        dnf = ("dnf", "install", "--assumeyes", "--setopt=install_weak_deps=False")
        return _installations(dnf, packages, welcome)
    # needrestart of Ubuntu would restart services, and with them what runs in containers. Nothing
    # is removed for it: runc of Debian stands against containerd.io of Docker.
    apt = (
        "env", "DEBIAN_FRONTEND=noninteractive", "NEEDRESTART_SUSPEND=1",
        "apt-get", "install", "--yes", "--no-remove", "--no-install-recommends",
        "-o", "Dpkg::Options::=--force-confold", "-o", "DPkg::Lock::Timeout=300",
    )  # fmt: skip
    update = Command(argv=("apt-get", "update"), may_fail=True)
    return (update, *_installations(apt, packages, welcome))


def _installations(
    install: Sequence[str], packages: Sequence[str], welcome: Sequence[str]
) -> tuple[Command, ...]:
    needed = Command(argv=(*install, *packages))
    extra = Command(argv=(*install, *welcome), may_fail=True)
    return (needed, extra) if welcome else (needed,)
