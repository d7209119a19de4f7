"""Read `podman info`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from nodes.podman.answer import number_of, parse_json, reading, text_of

_INT_64 = 2**63 - 1


@dataclass(frozen=True, kw_only=True)
class HostInfo:
    podman_version: str
    runtime: str
    runtime_path: str
    runtime_version: str
    cgroup_manager: str
    cgroup_version: str
    architecture: str
    kernel: str
    distribution: str
    hostname: str
    memory_total_bytes: int
    cpus: int
    rootless: bool
    graph_root: str
    graph_driver: str

    def as_dict(self) -> dict[str, Any]:
        return dict(self.__dict__)


@reading("podman info")
def parse_info(text: str) -> HostInfo:
    """Read `podman info --format json`. Raises UnreadableAnswer."""
    document = parse_json(text, "podman info")
    host = document["host"]
    runtime = host.get("ociRuntime") or {}
    store = document.get("store") or {}
    distribution = host.get("distribution") or {}
    return HostInfo(
        podman_version=text_of((document.get("version") or {}).get("Version")),
        runtime=text_of(runtime.get("name")),
        runtime_path=text_of(runtime.get("path")),
        runtime_version=_first_number(text_of(runtime.get("version"))),
        cgroup_manager=text_of(host.get("cgroupManager")),
        cgroup_version=text_of(host.get("cgroupVersion")),
        architecture=text_of(host.get("arch")),
        kernel=text_of(host.get("kernel")),
        distribution=" ".join(
            filter(None, [text_of(distribution.get(key)) for key in ("distribution", "version")])
        ),
        hostname=text_of(host.get("hostname")),
        memory_total_bytes=number_of(host.get("memTotal"), 0, _INT_64),
        cpus=number_of(host.get("cpus"), 0, _INT_64),
        rootless=bool((host.get("security") or {}).get("rootless")),
        graph_root=text_of(store.get("graphRoot")) or "/var/lib/containers/storage",
        graph_driver=text_of(store.get("graphDriverName")),
    )


def _first_number(text: str) -> str:
    match = re.search(r"\d+(?:\.\d+)+", text)
    return match.group(0) if match else ""
