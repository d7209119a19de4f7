"""What one look at a host tells: what kind of host it is and what is installed on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nodes.podman.info import HostInfo

# What CRIU cannot do without, by its bit (linux/capability.h). CAP_CHECKPOINT_RESTORE is new in
# Linux 5.9 and implied by CAP_SYS_ADMIN (capabilities(7)); CRIU 4.2.1 works without
# CAP_SYS_RESOURCE (measured).
CAPABILITIES = {"CAP_NET_ADMIN": 12, "CAP_SYS_PTRACE": 19, "CAP_SYS_ADMIN": 21}


@dataclass(frozen=True, kw_only=True)
class ConfigFile:
    """One of the files that make up containers.conf; of two that set a key the later wins."""

    path: str
    text: str


@dataclass(frozen=True, kw_only=True)
class RunningContainer:
    name: str
    cgroup_manager: str
    runtime: str


@dataclass(frozen=True, kw_only=True)
class HostFacts:
    """What one look at a host tells; ``info`` is empty where Podman does not answer."""

    info: HostInfo
    # Why `podman info` gave no answer, in its own words; "" if it did.
    podman_problem: str
    distribution: str
    # ID, ID_LIKE and PLATFORM_ID of os-release(5).
    distribution_ids: tuple[str, ...]
    uid: int
    capabilities: frozenset[str]
    criu_version: str
    criu_check: str
    criu_check_passed: bool
    criu_check_all: str
    # By CRIU's own names, as far as this CRIU knows them.
    criu_features: Mapping[str, bool]
    runc_version: str
    crun_version: str
    crun_has_criu: bool
    has_libcriu: bool
    conmon_version: str
    # Enforcing, permissive, disabled, or "" where there is none; and its policy for containers.
    selinux: str
    container_selinux_version: str
    apparmor: bool
    staging_free_bytes: int
    graph_root_free_bytes: int
    memory_available_bytes: int
    cpu_flags: frozenset[str]
    # Which of probe.TOOLS are there; "tar" only if it is GNU's: see operations/unpack_ahead.py.
    tools: frozenset[str]
    config_files: tuple[ConfigFile, ...]
    containers: tuple[RunningContainer, ...]
    # The host's clock less the site's, known to ± clock_error_s.
    clock_offset_s: float
    clock_error_s: float

    @property
    def has_podman(self) -> bool:
        return "podman" in self.tools

    @property
    def package_manager(self) -> str:
        """Return "apt", "dnf" or "" where there is neither."""
        found = [name for tool, name in (("apt-get", "apt"), ("dnf", "dnf")) if tool in self.tools]
        # Each may be installed on the other's distributions, as a package among others.
        if len(found) > 1:
            return "dnf" if {"fedora", "rhel"} & set(self.distribution_ids) else "apt"
        return found[0] if found else ""

    def as_dict(self) -> dict[str, Any]:
        return {
            **self.info.as_dict(),
            "distribution": self.distribution,
            "criu_version": self.criu_version,
            "criu_check": self.criu_check,
            "criu_features": dict(self.criu_features),
            "runc_version": self.runc_version,
            "crun_version": self.crun_version,
            "conmon_version": self.conmon_version,
            "selinux": self.selinux,
            "container_selinux_version": self.container_selinux_version,
            "uid": self.uid,
            "capabilities": sorted(self.capabilities),
            "cpu_flags": sorted(self.cpu_flags),
            "tools": sorted(self.tools),
            "criu_check_all": self.criu_check_all,
            "apparmor": self.apparmor,
            "memory_available_bytes": self.memory_available_bytes,
            "staging_free_bytes": self.staging_free_bytes,
            "graph_root_free_bytes": self.graph_root_free_bytes,
            "clock_offset_s": round(self.clock_offset_s, 3),
        }
