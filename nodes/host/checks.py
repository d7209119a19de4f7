"""The single checks of a node's readiness: facts in, one finding out, or None where one is moot.

Levels: an error stops every checkpoint or restore, or nearly every one; a warning some of them.
"""

from __future__ import annotations

from collections.abc import Callable

from nodes.finding import Finding, Fix, error, ok, warning
from nodes.host.criu_checks import check_criu, check_criu_features, check_kernel
from nodes.host.facts import CAPABILITIES, HostFacts
from nodes.host.podman_checks import (
    check_cgroup_manager,
    check_checkpoint_support,
    check_configuration,
    check_libcriu,
    check_old_containers,
    check_podman,
    check_runtime,
)
from nodes.host.version import version_numbers

Check = Callable[[HostFacts], Finding | None]
# An archive takes as much as its container's memory: with less, next to nothing fits.
LITTLE_SPACE_BYTES = 512 * 1024 * 1024
CLOCK_TOLERANCE_S = 1.0
# container-selinux, from which on CRIU may write labels (field.md §4).
_FITTING_POLICY = (2, 183)


def check_root(facts: HostFacts) -> Finding:
    if facts.info.rootless or facts.uid != 0:
        return error(
            "root",
            "Podman runs without root rights, so it cannot checkpoint.",
            "rootless: true" if facts.info.rootless else f"uid: {facts.uid}",
            "Register the node as root, or with a user that may use sudo.",
        )
    return ok("root", "Ferry's commands run as root.", f"uid: {facts.uid}")


def check_capabilities(facts: HostFacts) -> Finding | None:
    if facts.uid != 0:
        return None
    missing = sorted(set(CAPABILITIES) - facts.capabilities)
    if missing:
        return error(
            "capabilities",
            "Rights that CRIU needs are missing, as inside an unprivileged container.",
            f"missing: {' '.join(missing)}",
            "Register the host itself, or give the machine these capabilities.",
        )
    return ok("capabilities", "CRIU has the rights that it needs.", " ".join(CAPABILITIES))


def check_network_lock(facts: HostFacts) -> Finding:
    found = [tool for tool in ("iptables-restore", "nft") if tool in facts.tools]
    if "iptables-restore" in facts.tools:
        return ok("network-lock", "CRIU can lock a container's network.", ", ".join(found))
    return warning(
        "network-lock",
        "CRIU locks a container's network with iptables-restore, unless it was built for nftables; "
        "without either, open connections cannot be kept.",
        f"iptables-restore: not found, nft: {'found' if 'nft' in facts.tools else 'not found'}",
        "Prepare the node, or install the package iptables (iptables-nft on Fedora).",
        Fix.PREPARE,
    )


def check_security_module(facts: HostFacts) -> Finding:
    selinux = facts.selinux or "not there"
    evidence = f"SELinux: {selinux}, AppArmor: {'enabled' if facts.apparmor else 'not there'}"
    if facts.selinux == "enforcing":
        version = facts.container_selinux_version
        evidence += f", container-selinux: {version or 'not found'}"
        if version_numbers(version) < _FITTING_POLICY:
            return warning(
                "security-module",
                "SELinux is enforcing, and its policy for containers is too old for a restore.",
                evidence,
                "Install container-selinux 2.183 or later.",
            )
    return ok("security-module", "No security module is known to be in the way.", evidence)


def check_tools(facts: HostFacts) -> Finding:
    missing = sorted({"tar", "zstd"} - facts.tools)
    if missing:
        return warning(
            "tools",
            "What unpacks an archive while it arrives is missing, so a restore takes longer.",
            f"missing: {', '.join(missing)}",
            "Prepare the node, or install GNU tar and zstd.",
            Fix.PREPARE,
        )
    return ok("tools", "Archives can be unpacked while they arrive.", "tar, zstd")


def check_free_space(facts: HostFacts) -> Finding:
    staging, store = facts.staging_free_bytes, facts.graph_root_free_bytes
    known = bool(facts.info.graph_root)
    evidence = f"{staging >> 20} MiB for archives"
    if known:
        evidence += f", {store >> 20} MiB for containers"
    if staging < LITTLE_SPACE_BYTES or (known and store < LITTLE_SPACE_BYTES):
        return warning(
            "free-space",
            "There is little free space; an archive grows with the container's memory.",
            evidence,
            "Free space on the host.",
        )
    return ok("free-space", "There is free space.", evidence)


def check_clock(facts: HostFacts) -> Finding:
    offset_s, error_s = facts.clock_offset_s, facts.clock_error_s
    evidence = f"{offset_s:+.2f} s against the site's, known to ± {error_s:.2f} s"
    if abs(offset_s) - error_s > CLOCK_TOLERANCE_S:
        return warning(
            "clock",
            "The clock differs from the site's: a program would see time jump after a move.",
            evidence,
            "Have the host keep its clock by NTP, for instance with chrony.",
        )
    return ok("clock", "The clock agrees with the site's.", evidence)


CHECKS: tuple[Check, ...] = (
    check_root,
    check_capabilities,
    check_podman,
    check_criu,
    check_kernel,
    check_criu_features,
    check_runtime,
    check_checkpoint_support,
    check_libcriu,
    check_cgroup_manager,
    check_configuration,
    check_old_containers,
    check_network_lock,
    check_security_module,
    check_tools,
    check_free_space,
    check_clock,
)


def readiness_findings(facts: HostFacts) -> list[Finding]:
    """Return what each check found, in their order."""
    return [finding for check in CHECKS if (finding := check(facts)) is not None]
