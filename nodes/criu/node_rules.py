"""What a node lacks, or has set up so that checkpoint and restore cannot work."""

from __future__ import annotations

from nodes.criu.rule import Rule
from nodes.finding import Fix

NODE_RULES = (
    Rule(
        id="kernel-newer-than-criu",
        pattern=r"Can't get [0-9]+:[0-9]+(?:\([0-9]+\))? opt: Operation not supported"
        r"|vdso: (?:Unexpected rt vDSO|Failed to fill|Compat vdso helper|Not all dynamic)"
        r"|kerndat_vdso_fill_symtable failed",
        cause="The kernel of {node} is newer than its CRIU understands: CRIU {criu_version} on "
        "kernel {kernel}.",
        remedy="Install a newer CRIU on {node}: kernel 6.13 needs CRIU 4.1, kernel 6.16 needs 4.2.",
        action=Fix.SELFTEST,
        source="field note 11, measured: CRIU 4.1 and 3.17 on kernel 6.18; criu#2705, criu#2532",
    ),
    Rule(
        id="libcriu-missing",
        pattern=r"could not load .?libcriu",
        cause="The runtime crun does not find CRIU's library libcriu.so on {node}.",
        remedy='Install the package with libcriu.so.2 on {node}, or set runtime = "runc" in '
        "/etc/containers/containers.conf.",
        action=Fix.PREPARE,
        source="crun src/libcrun/criu.c; crun#1091, criu#2418",
    ),
    Rule(
        id="runtime-without-checkpoint",
        pattern=r"runtime (?:\S{1,200} )?does not support (?:checkpoint|pod restore)"
        r"|unknown command checkpoint",
        cause="The OCI runtime of {node} ({runtime}) cannot checkpoint.",
        remedy='Set runtime = "runc" in /etc/containers/containers.conf.',
        action=Fix.PREPARE,
        source="podman libpod/container_internal_common.go; criu#2317, crun#549",
    ),
    Rule(
        id="criu-missing",
        pattern=r"criu.{0,100}executable file not found"
        r"|requires at least CRIU|CRIU version [0-9]+ must be [0-9]+ or higher",
        cause="CRIU is missing or too old on {node}.",
        remedy="Install the package criu on {node}.",
        action=Fix.PREPARE,
        source="podman pkg/criu/criu_linux.go; runc libcontainer/criu_linux.go",
    ),
    Rule(
        id="criu-rights",
        pattern=r"CRIU needs to have the CAP_|Running as non-root requires"
        r"|needs? CAP_(?:SYS_ADMIN|SYS_PTRACE|CHECKPOINT_RESTORE)|Unable to restore capabilities",
        cause="CRIU lacks rights on {node}: it needs CAP_SYS_ADMIN, CAP_SYS_PTRACE and "
        "CAP_CHECKPOINT_RESTORE.",
        remedy="Log in to {node} as root or with sudo. If {node} is itself a container, give it "
        "these capabilities. Then run `criu check` there.",
        action=Fix.SELFTEST,
        source="criu/cr-check.c, criu/pie/restorer.c; criu#684, criu#2495",
    ),
    Rule(
        id="criu-features",
        pattern=r"Error \(criu/cr-check\.c:|(?:CRIU|criu) is missing features"
        r"|CRIU feature checking failed|does not support memory tracking",
        cause="The kernel {kernel} of {node} lacks something that CRIU {criu_version} needs.",
        remedy="Run `criu check` on {node}: it names what is missing. Boot a kernel that has it.",
        action=Fix.SELFTEST,
        source="field notes 10 and 12; criu/cr-check.c, criu#587; "
        "podman cmd/podman/containers/checkpoint.go",
    ),
    Rule(
        id="rootless",
        pattern=r"(?:checkpointing|restoring) a container requires root"
        r"|cannot (?:checkpoint|restore) a rootless container"
        r"|[Rr]ootless containers? cannot be (?:checkpointed|restored)",
        cause="Podman checkpoints and restores containers of root only, and this is of a user.",
        remedy="Run the container as root on {node} (sudo podman run …) and let the site log in "
        "as root or as a user with sudo without a password.",
        source="podman cmd/podman/containers/checkpoint.go, restore.go; podman#2038, runc#2009",
    ),
    Rule(
        id="selinux",
        pattern=r"avc: {1,3}denied|can't write lsm profile|Invalid selinux context"
        r"|mismatched lsm types",
        cause="SELinux or AppArmor on {node} refused a step of CRIU.",
        remedy="With SELinux install container-selinux 2.183 or newer on both nodes; with "
        "AppArmor both nodes must have the container's profile loaded. Then try again.",
        source="criu/pie/restorer.c, criu/lsm.c; podman#2334, podman#13907, podman#12437",
    ),
    Rule(
        id="network-lock",
        pattern=r"ip6?tables-restore.{0,200}(?:not found|No such file|returned|failed)"
        r"|Error \(criu.{0,100}\bnft\b.{0,200}(?:not found|No such file)",
        cause="CRIU could not lock the container's network.",
        remedy="Install the package iptables or nftables on {node}. If they are there, its kernel "
        "lacks CONFIG_NETFILTER_XT_MARK.",
        action=Fix.PREPARE,
        source="measured: CRIU 4.2.1 without iptables; criu/net.c, criu/util.c",
    ),
    Rule(
        id="runtime-missing",
        pattern=r"OCI runtime \S{1,200} not found",
        cause="The OCI runtime that Podman is set to is not installed on {node}.",
        remedy="Install the package runc on {node}, then try again.",
        action=Fix.PREPARE,
        source="measured: Podman 5.8.6 without runc",
    ),
    Rule(
        id="packages-conflict",
        pattern=r"Packages need to be removed but remove is disabled|conflicting requests",
        cause="What is missing on {node} cannot be installed beside what is there, such as runc "
        "beside Docker's containerd.io. Nothing was removed.",
        remedy="Decide on the host which of them is to go, and install the rest by hand.",
        source="apt-get(8) --no-remove, measured: apt 3.3; dnf(8)",
    ),
    Rule(
        id="packages-not-fetched",
        pattern=r"^[EW]: Failed to fetch|Temporary failure resolving"
        r"|Errors during downloading metadata|Cannot download repomd",
        cause="{node} could not fetch its lists of packages, or a package.",
        remedy="See that {node} reaches its mirror or proxy: run `apt-get update` or "
        "`dnf makecache` there. Then prepare it again.",
        source="measured: apt 3.3 without a network; dnf(8)",
    ),
    Rule(
        id="package-unknown",
        pattern=r"Unable to locate package \S|has no installation candidate"
        r"|No match for argument: \S|Unable to find a match: \S",
        cause="The distribution of {node} has no such package in the repositories it is set to.",
        remedy="Add the repository that has it, or install the program by hand, then prepare "
        "{node} again.",
        source="apt-get(8), measured: apt 3.3; dnf(8); criu#2404 (Ubuntu 24.04 has no criu)",
    ),
    Rule(
        id="systemd-missing",
        pattern=r"cannot open sd-bus|System has not been booted with systemd"
        r"|systemd not running on this host",
        cause="Podman on {node} is set to the systemd cgroup manager, but systemd does not answer.",
        remedy='Set cgroup_manager = "cgroupfs" in /etc/containers/containers.conf on {node}.',
        action=Fix.PREPARE,
        source="measured: Podman 5.4.2, crun 1.21 without systemd",
    ),
    Rule(
        id="systemd-slice",
        pattern=r"did not receive systemd slice|systemd slice received as cgroup parent"
        r"|must end in \.slice"
        r"|cpuset.{0,300}(?:Permission denied|No space left on device|failed)",
        cause="{node} manages cgroups in another way than the node where the container was made "
        "(its cgroup manager: {cgroup_manager}), or their version or the CPUs differ.",
        remedy='Set cgroup_manager = "cgroupfs" in /etc/containers/containers.conf on both nodes, '
        "which must use the same version of cgroups. Podman keeps the cgroup of a container: one "
        "that was made under another manager must be made anew.",
        action=Fix.PREPARE,
        source="podman libpod/runtime_ctr.go, which checks the kept cgroup parent on import; "
        "podman#11936, podman#7186, nomad-driver-podman#274, runc#253",
    ),
    Rule(
        id="no-space",
        pattern=r"[Nn]o space left on device|[Dd]isk quota exceeded",
        cause="A disk is full.",
        remedy="Free space on the node named in the message, then try again.",
        source="measured: dd of coreutils, Podman 5.8.6",
    ),
)
