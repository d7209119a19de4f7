"""The checks of a migration's preflight that compare the two hosts."""

from __future__ import annotations

from dataclasses import replace

from nodes.finding import Finding, Level, error, ok, warning
from nodes.host.checks import CLOCK_TOLERANCE_S, check_capabilities, check_root
from nodes.host.criu_checks import check_criu, check_kernel
from nodes.host.facts import HostFacts
from nodes.host.podman_checks import (
    check_cgroup_manager,
    check_checkpoint_support,
    check_libcriu,
)
from nodes.host.version import version_numbers
from nodes.operations.migration_plan import SourceSide, Surroundings

_HOST_CHECKS = (
    check_root,
    check_capabilities,
    check_criu,
    check_kernel,
    check_checkpoint_support,
    check_libcriu,
    check_cgroup_manager,
)


def check_source_ready(near: SourceSide, plan: object) -> Finding:
    return _host_ready("source", near.source.host)


def check_destination_ready(near: Surroundings, plan: object) -> Finding:
    return _host_ready("destination", near.destination.host)


def _host_ready(side: str, host: HostFacts) -> Finding:
    findings = [_for_one(found) for check in _HOST_CHECKS if (found := check(host)) is not None]
    for level in ("error", "warning"):
        for finding in findings:
            if finding.level == level:
                return Finding(
                    check=f"{side}-{finding.check}",
                    level=finding.level,
                    message=f"The {side}: {finding.message}",
                    evidence=finding.evidence,
                    remedy=finding.remedy,
                    fix=finding.fix,
                )
    evidence = check_criu(host).evidence
    return ok(f"{side}-criu", f"The {side} can checkpoint and restore.", evidence)


def _for_one(finding: Finding) -> Finding:
    # `criu check` tells whether CRIU works at all; what a kernel that is too new takes away may not
    # be what this container needs, and a dump that fails leaves it running.
    softened = finding.check == "kernel" and finding.level == Level.ERROR
    return replace(finding, level=Level.WARNING) if softened else finding


def check_runtime(near: Surroundings, plan: object) -> Finding:
    wanted = near.source.container.runtime.rsplit("/", 1)[-1]
    found = near.destination.host.info.runtime
    evidence = f"source {wanted}, destination {found}"
    if wanted == found:
        return ok("runtime", f"Both nodes use {wanted}.", evidence)
    return error(
        "runtime",
        "The destination uses another OCI runtime than the container.",
        evidence,
        f'Set runtime = "{wanted}" under [engine] in the destination’s '
        "/etc/containers/containers.conf.",
    )


def check_architecture(near: Surroundings, plan: object) -> Finding:
    source = near.source.host.info.architecture
    destination = near.destination.host.info.architecture
    evidence = f"source {source}, destination {destination}"
    if source != destination:
        return error(
            "architecture",
            "The nodes have different processors; memory cannot be moved between them.",
            evidence,
            "Choose a destination with the same architecture.",
        )
    missing = near.source.host.cpu_flags - near.destination.host.cpu_flags
    if missing:
        return warning(
            "architecture",
            "The destination's processor lacks features that programs may already be using.",
            "missing: " + " ".join(sorted(missing)),
            "If the program crashes with SIGILL after the move, choose another destination.",
        )
    return ok("architecture", "Both processors offer the same.", evidence)


def check_versions(near: Surroundings, plan: object) -> Finding:
    source, destination = near.source.host, near.destination.host
    pairs = [
        ("podman", source.info.podman_version, destination.info.podman_version),
        ("criu", source.criu_version, destination.criu_version),
        (source.info.runtime, source.info.runtime_version, destination.info.runtime_version),
    ]
    evidence = ", ".join(f"{name} {old} → {new}" for name, old, new in pairs)
    if all(version_numbers(new) >= version_numbers(old) for _, old, new in pairs):
        return ok("versions", "The destination's tools are as new as the source's.", evidence)
    return warning(
        "versions",
        "The destination has older tools than the source and may not read the archive.",
        evidence,
        "Update the destination, or be ready for a rollback.",
    )


def check_clocks(near: Surroundings, plan: object) -> Finding:
    here, there = near.source.host, near.destination.host
    apart_s = there.clock_offset_s - here.clock_offset_s
    known_to_s = here.clock_error_s + there.clock_error_s
    evidence = f"destination {apart_s:+.2f} s, known to ± {known_to_s:.2f} s"
    if abs(apart_s) - known_to_s > CLOCK_TOLERANCE_S:
        return warning(
            "clocks",
            "The nodes' clocks differ: the program will see time jump.",
            evidence,
            "Have both hosts keep their clocks by NTP.",
        )
    return ok("clocks", "The nodes' clocks agree.", evidence)


def check_created_under(near: Surroundings, plan: object) -> Finding:
    created, now = near.source.container.cgroup_manager, near.destination.host.info.cgroup_manager
    evidence = f"container {created or 'unknown'}, destination {now or 'unknown'}"
    if created == "systemd":
        return warning(
            "created-under",
            "The container was created with the systemd cgroup manager: restored, it may exit at "
            "once. It would be rolled back then.",
            evidence,
            "Recreate the container under cgroupfs to move it safely.",
        )
    return ok("created-under", "The container was not created under systemd's scopes.", evidence)
