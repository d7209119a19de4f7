"""What the last self-test of a node says about its readiness today."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nodes.finding import Finding, Fix, error, ok, warning
from nodes.host.facts import HostFacts

CHECK = "selftest"


def versions_of(facts: HostFacts) -> dict[str, str]:
    """Return what a self-test proves to work together; with others it proves nothing."""
    return {
        "kernel": facts.info.kernel,
        "podman": facts.info.podman_version,
        "criu": facts.criu_version,
        "runtime": f"{facts.info.runtime} {facts.info.runtime_version}".strip(),
        "cgroup manager": facts.info.cgroup_manager,
    }


def selftest_finding(result: Mapping[str, Any], facts: HostFacts) -> Finding | None:
    """Return what a stored result says; None where no self-test has been run."""
    if not result:
        return None
    then, now = result["versions"], versions_of(facts)
    changed = [
        f"{name} {then.get(name) or 'none'} → {version or 'none'}"
        for name, version in now.items()
        if then.get(name) != version
    ]
    if changed:
        return warning(
            CHECK,
            "The last self-test was made with other versions or settings: it proves nothing now.",
            ", ".join(changed),
            "Run the self-test again.",
            Fix.SELFTEST,
        )
    if not result["passed"]:
        return error(
            CHECK,
            f"The self-test failed: {result['message']}",
            result.get("line") or result.get("cause", ""),
            result.get("remedy", ""),
            Fix.SELFTEST,
        )
    return ok(
        CHECK,
        "A container was checkpointed and restored here, its memory intact.",
        ", ".join(f"{name} {version}" for name, version in now.items() if version),
    )
