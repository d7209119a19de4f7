"""Read `podman info`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from nodes.podman.answer import parse_json


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
    memory_free_bytes: int
    cpus: int
    rootless: bool
    graph_root: str
    graph_driver: str

    def as_dict(self) -> dict[str, Any]:
        return dict(self.__dict__)


def parse_info(text: str) -> HostInfo:
    document = parse_json(text, "podman info")
    host = document["host"]
    runtime = host.get("ociRuntime") or {}
    store = document.get("store") or {}
    distribution = host.get("distribution") or {}
    return HostInfo(
        podman_version=(document.get("version") or {}).get("Version") or "",
        runtime=runtime.get("name") or "",
        runtime_path=runtime.get("path") or "",
        runtime_version=_first_number(runtime.get("version") or ""),
        cgroup_manager=host.get("cgroupManager") or "",
        cgroup_version=host.get("cgroupVersion") or "",
        architecture=host.get("arch") or "",
        kernel=host.get("kernel") or "",
        distribution=" ".join(
            filter(None, [distribution.get("distribution"), distribution.get("version")])
        ),
        hostname=host.get("hostname") or "",
        memory_total_bytes=int(host.get("memTotal") or 0),
        memory_free_bytes=int(host.get("memFree") or 0),
        cpus=int(host.get("cpus") or 0),
        rootless=bool((host.get("security") or {}).get("rootless")),
        graph_root=store.get("graphRoot") or "/var/lib/containers/storage",
        graph_driver=store.get("graphDriverName") or "",
    )


def _first_number(text: str) -> str:
    match = re.search(r"\d+(?:\.\d+)+", text)
    return match.group(0) if match else ""
