"""One fact each that is not as on a ready host, and the finding that it makes of a check."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from nodes.finding import Fix
from nodes.host.checks import CLOCK_TOLERANCE_S, LITTLE_SPACE_BYTES
from nodes.host.facts import CAPABILITIES, ConfigFile, RunningContainer
from nodes.host.probe import TOOLS
from tests.unit.builders import MIB, make_host

CONF = "/etc/containers/containers.conf"
READY_TOOLS = frozenset(TOOLS) - {"dnf"}
CRUN = {"runtime": "crun", "runtime_path": "/usr/bin/crun", "runtime_version": "1.28"}
OLD = RunningContainer(name="old", cgroup_manager="systemd", runtime="crun")
# An older Podman does not tell a container's manager.
SILENT = RunningContainer(name="silent", cgroup_manager="", runtime="runc")
COUNTER = RunningContainer(name="counter", cgroup_manager="cgroupfs", runtime="runc")


@dataclass(frozen=True, kw_only=True)
class Case:
    """``changes`` are those to a ready host; ``says`` stands in the message or the evidence."""

    name: str
    check: str
    level: str
    says: str
    changes: dict[str, Any] = field(default_factory=dict)
    fix: Fix = Fix.NONE


def case(name: str, check: str, level: str, says: str, fix: Fix = Fix.NONE, **changes: Any) -> Case:
    return Case(name=name, check=check, level=level, says=says, changes=changes, fix=fix)


# No other check of such a host may find anything.
ALONE = [
    case("a rootless Podman", "root", "error", "rootless: true", info={"rootless": True}),
    case("no capability at all", "capabilities", "error",
         "missing: CAP_NET_ADMIN CAP_SYS_ADMIN CAP_SYS_PTRACE", capabilities=frozenset()),
    case("a capability is missing", "capabilities", "error", "missing: CAP_SYS_ADMIN",
         capabilities=frozenset(CAPABILITIES) - {"CAP_SYS_ADMIN"}),
    case("a Podman that does not answer", "podman", "error", "cannot allocate",
         podman_problem="Error: cannot allocate"),
    case("no CRIU", "criu", "error", "criu: not found", Fix.PREPARE,
         criu_version="", criu_check="criu: not found", criu_check_passed=False),
    case("a CRIU that fails", "criu", "error",
         "criu 4.2.1 on kernel 6.18.44-fc-v595: Error: vDSO not supported",
         criu_check="Error: vDSO not supported", criu_check_passed=False),
    case("a CRIU older than the kernel", "kernel", "error", "criu 4.1.1, kernel 6.18.44-fc-v595",
         criu_version="4.1.1"),
    case("crun", "runtime", "warning", "/usr/bin/crun 1.28", Fix.PREPARE,
         info=CRUN, has_libcriu=True),
    case("an unknown runtime", "runtime", "warning", "an unknown runtime", Fix.PREPARE,
         info={"runtime": ""}),
    case("runc is not there", "runtime", "warning", "runc is not installed", Fix.PREPARE,
         runc_version="", info={"runtime": "kata", "runtime_path": "/bin/kata"}),
    case("the systemd manager", "cgroup-manager", "warning", "systemd", Fix.PREPARE,
         info={"cgroup_manager": "systemd"}),
    case("an unknown manager", "cgroup-manager", "warning", "podman info names none", Fix.PREPARE,
         info={"cgroup_manager": ""}),
    case("configuration that is no TOML", "configuration", "error", "at line 1, column 8",
         config_files=(ConfigFile(path=CONF, text="[engine\n"),)),
    case("the second file is no TOML", "configuration", "error", f"{CONF}.d/50-x.conf",
         config_files=(ConfigFile(path=CONF, text=""),
                       ConfigFile(path=f"{CONF}.d/50-x.conf", text="engine = 1"))),
    case("a container from before", "containers", "warning", "old (systemd, crun)",
         containers=(COUNTER, OLD)),
    case("a container of another runtime", "containers", "warning", "silent (, crun)",
         containers=(replace(SILENT, runtime="crun"),)),
    case("a container of another manager", "containers", "warning", "old (systemd, runc)",
         containers=(replace(OLD, runtime="runc"),)),
    case("no iptables", "network-lock", "warning", "iptables-restore: not found", Fix.PREPARE,
         tools=READY_TOOLS - {"iptables-restore"}),
    case("little space for archives", "free-space", "warning", "511 MiB for archives",
         staging_free_bytes=LITTLE_SPACE_BYTES - 1),
    case("little space for containers", "free-space", "warning", "0 MiB for containers",
         graph_root_free_bytes=MIB - 1),
    case("a clock that is ahead", "clock", "warning", "+61.00 s", clock_offset_s=61.0),
    case("a clock that is behind", "clock", "warning", "-2.00 s", clock_offset_s=-2.0),
]  # fmt: skip
# What has consequences for several checks.
TOGETHER = [
    case("no Podman", "podman", "error", "not found", Fix.PREPARE,
         podman_problem="not found", tools=READY_TOOLS - {"podman"}),
    case("a user without rights", "root", "error", "uid: 1000", uid=1000),
    case("a crun without CRIU", "checkpoint-support", "error", "crun 1.28 without +CRIU",
         Fix.PREPARE, info=CRUN, crun_has_criu=False),
    case("a crun without libcriu", "libcriu", "error", "libcriu is missing", Fix.PREPARE,
         info=CRUN),
    case("neither Podman nor runc", "runtime", "warning", "runc: not found", Fix.PREPARE,
         podman_problem="not found", tools=READY_TOOLS - {"podman", "runc"}, runc_version="",
         info={"runtime": ""}),
]  # fmt: skip
# As good as ready.
FINE = [
    case("a feature is missing", "criu-features", "ok", "now and then: mem_dirty_track, openat2.",
         criu_features={"tcp_half_closed": True, "openat2": False, "mem_dirty_track": False},
         criu_check_all="Warn: x\nLooks good but"),
    case("CRIU as old as the kernel allows", "kernel", "ok", "criu 4.1.1, kernel 6.12.41",
         criu_version="4.1.1", info={"kernel": "6.12.41"}),
    case("both runtimes", "runtime", "ok", "/usr/bin/runc 1.3.6", has_libcriu=True),
    case("all that crun needs", "libcriu", "ok", "libcriu.so", info=CRUN, has_libcriu=True),
    case("a crun with CRIU", "checkpoint-support", "ok", "+CRIU", info=CRUN),
    case("an enforcing SELinux", "security-module", "ok", "container-selinux: 2.232.1",
         selinux="enforcing", container_selinux_version="2.232.1"),
    case("SELinux with an old policy", "security-module", "warning", "container-selinux: 2.167",
         selinux="enforcing", container_selinux_version="2.167"),
    case("SELinux without a policy", "security-module", "warning", "container-selinux: not found",
         selinux="enforcing"),
    case("no zstd", "tools", "warning", "missing: zstd", Fix.PREPARE,
         tools=make_host().tools - {"zstd"}),
    case("a permissive SELinux", "security-module", "ok", "SELinux: permissive",
         selinux="permissive"),
    case("AppArmor", "security-module", "ok", "AppArmor: enabled", apparmor=True),
    case("no nftables", "network-lock", "ok", "iptables-restore", tools=READY_TOOLS - {"nft"}),
    case("just enough space", "free-space", "ok", "512 MiB for archives, 512 MiB for containers",
         staging_free_bytes=LITTLE_SPACE_BYTES, graph_root_free_bytes=LITTLE_SPACE_BYTES),
    case("no store to look at", "free-space", "ok", "10000 MiB for archives",
         info={"graph_root": ""}, graph_root_free_bytes=0),
    case("a clock not known well enough", "clock", "ok", "known to ± 2.00 s",
         clock_offset_s=-CLOCK_TOLERANCE_S - 1.5, clock_error_s=2.0),
    case("no conmon to ask", "podman", "ok", "podman 5.8.6, conmon unknown", conmon_version=""),
    case("all capabilities", "capabilities", "ok", "CAP_SYS_ADMIN"),
    case("root", "root", "ok", "uid: 0"),
]  # fmt: skip
