"""What a node's readiness asks of CRIU."""

from __future__ import annotations

from nodes.criu.compatibility import kernel_newer_than_criu
from nodes.finding import Finding, Fix, error, ok
from nodes.host.facts import HostFacts


def check_criu(facts: HostFacts) -> Finding:
    if not facts.criu_version:
        return error(
            "criu", "CRIU is not installed.", facts.criu_check,
            "Prepare the node, or install the package criu.", Fix.PREPARE,
        )  # fmt: skip
    evidence = f"criu {facts.criu_version} on kernel {facts.info.kernel}: {facts.criu_check}"
    if not facts.criu_check_passed:
        return error(
            "criu",
            "`criu check` fails.",
            evidence,
            "Install a CRIU that is as new as the kernel, and see that the kernel has the options "
            "that the line above names.",
        )
    return ok("criu", "`criu check` passes.", evidence)


def check_kernel(facts: HostFacts) -> Finding | None:
    if not facts.criu_version:
        return None
    versions = f"criu {facts.criu_version}, kernel {facts.info.kernel}"
    limit = kernel_newer_than_criu(facts.criu_version, facts.info.kernel)
    if limit:
        return error(
            "kernel",
            f"The kernel is newer than CRIU: this CRIU {limit.consequence}.",
            versions,
            f"Install CRIU {_dotted(limit.criu_below)} or later, or start a kernel older than "
            f"{_dotted(limit.kernel_from)}.",
        )
    return ok("kernel", "No trouble is known of this CRIU with this kernel.", versions)


def _dotted(version: tuple[int, int]) -> str:
    return ".".join(str(part) for part in version)


def check_criu_features(facts: HostFacts) -> Finding | None:
    if not facts.criu_version:
        return None
    missing = sorted(name for name, there in facts.criu_features.items() if not there)
    evidence = " ".join(facts.criu_check_all.split())
    if missing:
        message = f"CRIU lacks what is only needed now and then: {', '.join(missing)}."
        return ok("criu-features", message, evidence)
    return ok("criu-features", "CRIU finds all that it asks the kernel for.", evidence)
