"""One fact about a host or a disk changed, one finding expected: preflight's cases as data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from nodes.operations import preflight_checks as checks
from nodes.operations.migration_plan import Surroundings
from nodes.operations.preflight_checks import RESERVE_BYTES, Check
from tests.unit.builders import MIB, make_host
from tests.unit.builders import make_surroundings as near


@dataclass(frozen=True)
class Case:
    name: str
    check: Check
    level: str
    # Words of the evidence or the message by which an operator knows what is meant.
    says: str
    surroundings: Surroundings
    options: dict[str, Any] = field(default_factory=dict)


# counter takes 64 MiB of memory and 613183 bytes of its own files.
_NEEDED = 64 * MIB + 613183
_TIGHT = _NEEDED * 2 + RESERVE_BYTES

ABOUT_THE_HOSTS = [
    Case(
        f"{side} {name}", check, level, says, near(**{side: make_host(**changes)})
    )
    for side, check in (
        ("source", checks.check_source_ready),
        ("destination", checks.check_destination_ready),
    )
    for name, level, says, changes in (
        ("without root", "error", "rootless", {"info": {"rootless": True}}),
        ("without CRIU", "error", "not found", {"criu_version": "", "criu_check": "not found"}),
        (
            "with CRIU older than the kernel",
            "error",
            "criu 4.2.1 on kernel 6.18.44-fc-v595: vdso",
            {"criu_check_passed": False, "criu_check": "vdso"},
        ),
        ("with systemd's cgroups", "warning", "systemd", {"info": {"cgroup_manager": "systemd"}}),
    )
] + [
    Case(
        "other runtime", checks.check_runtime, "error", "source runc, destination crun",
        near(destination=make_host(info={"runtime": "crun"})),
    ),
    Case(
        "runtime by its path", checks.check_runtime, "ok", "runc",
        near(container={"runtime": "/usr/bin/runc"}),
    ),
    Case(
        "other processor", checks.check_architecture, "error", "source amd64, destination arm64",
        near(destination=make_host(info={"architecture": "arm64"})),
    ),
    Case(
        "processor that can do less", checks.check_architecture, "warning", "missing: avx2",
        near(destination=make_host(cpu_flags=frozenset({"fpu", "sse2"}))),
    ),
    Case(
        "processor that can do more", checks.check_architecture, "ok", "amd64",
        near(source=make_host(cpu_flags=frozenset({"fpu"}))),
    ),
    Case(
        "older Podman", checks.check_versions, "warning", "podman 5.8.6 → 5.4.2",
        near(destination=make_host(info={"podman_version": "5.4.2"})),
    ),
    Case(
        "older CRIU", checks.check_versions, "warning", "criu 4.2.1 → 4.1",
        near(destination=make_host(criu_version="4.1")),
    ),
    Case(
        "older runtime", checks.check_versions, "warning", "runc 1.3.6 → 1.1.15",
        near(destination=make_host(info={"runtime_version": "1.1.15"})),
    ),
    Case(
        "versions are numbers, not text", checks.check_versions, "ok", "podman 5.8.6 → 5.10.0",
        near(destination=make_host(info={"podman_version": "5.10.0"})),
    ),
    Case(
        "clocks apart", checks.check_clocks, "warning", "destination +5.00 s",
        near(destination=make_host(clock_offset_s=5.0)),
    ),
    Case(
        "clocks apart less than is known", checks.check_clocks, "ok", "± 0.51 s",
        near(destination=make_host(clock_offset_s=1.4, clock_error_s=0.5)),
    ),
    Case(
        "created under systemd", checks.check_created_under, "warning", "container systemd",
        near(container={"cgroup_manager": "systemd"}),
    ),
    Case(
        "tight but enough", checks.check_free_space, "ok", "source: 129 MiB of 193 MiB free",
        near(source=make_host(staging_free_bytes=_TIGHT)),
    ),
    Case(
        "source's disk", checks.check_free_space, "error", "too little free space: source.",
        near(source=make_host(staging_free_bytes=_TIGHT - 1)),
    ),
    Case(
        "destination's disk", checks.check_free_space, "error", "free space: destination.",
        near(destination=make_host(staging_free_bytes=_TIGHT - 1)),
    ),
    Case(
        "catalog's disk", checks.check_free_space, "error", "free space: catalog.",
        near(catalog_free_bytes=_NEEDED + RESERVE_BYTES - 1),
    ),
]  # fmt: skip
