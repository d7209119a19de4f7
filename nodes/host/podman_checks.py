"""What a node's readiness asks of Podman, its runtime and its configuration."""

from __future__ import annotations

from nodes.finding import Finding, Fix, error, ok, warning
from nodes.host.containers_conf import EditRefused, set_keys
from nodes.host.facts import HostFacts
from nodes.host.wanted import CGROUP_MANAGER, RUNTIME, WANTED


def check_podman(facts: HostFacts) -> Finding:
    if not facts.has_podman:
        return error(
            "podman", "Podman is not installed.", facts.podman_problem,
            "Prepare the node, or install the package podman.", Fix.PREPARE,
        )  # fmt: skip
    if facts.podman_problem:
        return error(
            "podman", "Podman does not answer.", facts.podman_problem,
            "Run `podman info` on the host and mend what it complains about.",
        )  # fmt: skip
    evidence = f"podman {facts.info.podman_version}, conmon {facts.conmon_version or 'unknown'}"
    return ok("podman", "Podman answers.", evidence)


def check_runtime(facts: HostFacts) -> Finding | None:
    info = facts.info
    if facts.has_podman and facts.podman_problem:
        return None
    if not facts.runc_version and info.runtime != WANTED[RUNTIME]:
        evidence = f"podman uses {info.runtime}" if info.runtime else "runc: not found"
        return warning(
            "runtime", "runc is not installed.", evidence,
            "Prepare the node, or install the package runc and set `runtime = \"runc\"`.",
            Fix.PREPARE,
        )  # fmt: skip
    if not facts.has_podman:
        return None
    evidence = f"{info.runtime_path} {info.runtime_version}".strip()
    if info.runtime == WANTED[RUNTIME]:
        return ok("runtime", "Podman uses runc.", evidence)
    return warning(
        "runtime",
        f"Podman uses {info.runtime or 'an unknown runtime'}: archives of one runtime cannot be "
        "restored under another.",
        evidence,
        'Prepare the node, or set `runtime = "runc"` under [engine] in containers.conf.',
        Fix.PREPARE,
    )


def check_checkpoint_support(facts: HostFacts) -> Finding | None:
    if facts.info.runtime != "crun":
        return None
    if facts.crun_has_criu:
        return ok("checkpoint-support", "This crun was built with CRIU.", "+CRIU")
    return error(
        "checkpoint-support",
        "This crun was built without CRIU: it cannot checkpoint at all.",
        f"crun {facts.crun_version} without +CRIU",
        "Prepare the node to use runc.",
        Fix.PREPARE,
    )


def check_libcriu(facts: HostFacts) -> Finding | None:
    if facts.info.runtime != "crun" or not facts.crun_has_criu:
        return None
    if facts.has_libcriu:
        return ok("libcriu", "crun finds libcriu.", "libcriu.so")
    return error(
        "libcriu",
        "crun cannot checkpoint: the library libcriu is missing.",
        "ldconfig -p: no libcriu.so",
        "Prepare the node to use runc, or install libcriu2 (Debian) or criu-libs (Fedora).",
        Fix.PREPARE,
    )


def check_cgroup_manager(facts: HostFacts) -> Finding | None:
    manager = facts.info.cgroup_manager
    if not facts.has_podman or facts.podman_problem:
        return None
    if manager == WANTED[CGROUP_MANAGER]:
        return ok("cgroup-manager", "cgroupfs keeps restored containers alive.", manager)
    return warning(
        "cgroup-manager",
        f"With the {manager or 'unknown'} cgroup manager a restored container may exit at once.",
        manager or "podman info names none",
        'Prepare the node, or set `cgroup_manager = "cgroupfs"` under [engine] in containers.conf.',
        Fix.PREPARE,
    )


def check_configuration(facts: HostFacts) -> Finding | None:
    for file in facts.config_files:
        try:
            set_keys(file.text, {})
        except EditRefused as refused:
            return error(
                "configuration",
                f"{file.path} cannot be read.",
                str(refused),
                "Mend that on the host.",
            )
    return None


def check_old_containers(facts: HostFacts) -> Finding | None:
    if facts.podman_problem:
        return None
    old = [
        f"{each.name} ({each.cgroup_manager}, {each.runtime})"
        for each in facts.containers
        # An older Podman does not tell the manager.
        if each.cgroup_manager not in ("", facts.info.cgroup_manager)
        or each.runtime != facts.info.runtime
    ]
    if not old:
        return None
    return warning(
        "containers",
        "Running containers keep the cgroup manager and the runtime that they were created with.",
        ", ".join(old),
        "Recreate them when it suits you; until then they cannot be moved safely.",
    )
