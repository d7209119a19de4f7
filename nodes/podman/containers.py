"""Read what `podman ps` and `podman container inspect` say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from nodes.podman.answer import parse_json

# podman-run(1): --ip=ADDRESS, --ip6 ADDRESS, --network=NAME:ip=ADDRESS,…
_FIXED_ADDRESS = re.compile(r"^--ip6?(=|$)|[:,]ip6?=")


@dataclass(frozen=True, kw_only=True)
class Port:
    host_ip: str
    host_port: int
    container_port: int
    # How many consecutive ports are published, host and container alike.
    count: int
    protocol: str

    @property
    def host_ports(self) -> range:
        return range(self.host_port, self.host_port + self.count)

    def as_dict(self) -> dict[str, Any]:
        return {
            "host_ip": self.host_ip,
            "host_port": self.host_port,
            "container_port": self.container_port,
            "count": self.count,
            "protocol": self.protocol,
        }


@dataclass(frozen=True, kw_only=True)
class ListedContainer:
    """One row of `podman ps --all --format json`."""

    podman_id: str
    name: str
    image: str
    image_id: str
    state: str
    status: str
    command: list[str]
    ports: list[Port]
    labels: dict[str, str]
    mounts: list[str]
    networks: list[str]
    pod: str
    exit_code: int | None
    created_at: datetime | None
    started_at: datetime | None


def parse_containers(text: str) -> list[ListedContainer]:
    """Read `podman ps --all --no-trunc --format json`; infra containers of pods are left out."""
    rows = parse_json(text, "podman ps") or []
    return [_listed(row) for row in rows if not row.get("IsInfra")]


def _listed(row: Mapping[str, Any]) -> ListedContainer:
    state = str(row.get("State") or "unknown").lower()
    return ListedContainer(
        podman_id=row["Id"],
        name=(row.get("Names") or [row["Id"][:12]])[0],
        image=row.get("Image") or "",
        image_id=row.get("ImageID") or "",
        state=state,
        status=row.get("Status") or "",
        command=list(row.get("Command") or []),
        ports=[_port(port) for port in row.get("Ports") or []],
        labels=dict(row.get("Labels") or {}),
        mounts=list(row.get("Mounts") or []),
        networks=list(row.get("Networks") or []),
        pod=row.get("PodName") or row.get("Pod") or "",
        exit_code=row.get("ExitCode") if state == "exited" else None,
        created_at=_epoch(row.get("Created")),
        started_at=_epoch(row.get("StartedAt")),
    )


def _port(row: Mapping[str, Any]) -> Port:
    return Port(
        host_ip=row.get("host_ip") or "",
        host_port=int(row.get("host_port") or 0),
        container_port=int(row.get("container_port") or 0),
        count=int(row.get("range") or 1),
        protocol=row.get("protocol") or "tcp",
    )


def _epoch(value: Any) -> datetime | None:
    # Podman says -62135596800 (the year 1) for "never".
    if not isinstance(value, (int, float)) or value <= 0:
        return None
    return datetime.fromtimestamp(value, UTC)


@dataclass(frozen=True, kw_only=True)
class Mount:
    type: str  # bind, volume, …
    name: str
    source: str
    destination: str


@dataclass(frozen=True, kw_only=True)
class ContainerDetail:
    """What an operation needs of `podman container inspect`."""

    podman_id: str
    name: str
    image_id: str
    image_name: str
    state: str
    running: bool
    pid: int
    exit_code: int
    runtime: str
    mounts: list[Mount]
    ports: list[Port]
    networks: list[str]
    addresses: frozenset[str]
    # Given with --ip or the like; Podman keeps no other trace of it.
    has_fixed_address: bool
    labels: dict[str, str]
    auto_remove: bool
    tty: bool
    network_mode: str
    cgroup_manager: str
    checkpoint_path: str
    checkpoint_log: str
    restore_log: str
    rootfs_changes_bytes: int
    raw: dict[str, Any]

    @property
    def volumes(self) -> list[str]:
        return [mount.name for mount in self.mounts if mount.type == "volume"]

    @property
    def bind_sources(self) -> list[str]:
        return [mount.source for mount in self.mounts if mount.type == "bind"]


def parse_container_detail(text: str) -> ContainerDetail:
    """Read `podman container inspect NAME` (a list of one)."""
    raw: dict[str, Any] = parse_json(text, "podman container inspect")[0]
    state = raw["State"]
    host = raw.get("HostConfig") or {}
    config = raw.get("Config") or {}
    networks = (raw.get("NetworkSettings") or {}).get("Networks") or {}
    return ContainerDetail(
        podman_id=raw["Id"],
        name=raw["Name"],
        image_id=raw["Image"],
        image_name=raw.get("ImageName") or "",
        state=str(state["Status"]),
        running=bool(state.get("Running")),
        pid=int(state.get("Pid") or 0),
        exit_code=int(state.get("ExitCode") or 0),
        runtime=raw.get("OCIRuntime") or "",
        mounts=[_mount(mount) for mount in raw.get("Mounts") or []],
        ports=_bound_ports((raw.get("NetworkSettings") or {}).get("Ports") or {}),
        # With --network host or none there is a network of that name here, but not in `network ls`.
        networks=sorted(set(networks) - {"host", "none"}),
        addresses=frozenset(
            address
            for network in networks.values()
            for address in (network.get("IPAddress"), network.get("GlobalIPv6Address"))
            if address
        ),
        has_fixed_address=any(
            _FIXED_ADDRESS.search(word) for word in config.get("CreateCommand") or []
        ),
        labels=dict(config.get("Labels") or {}),
        auto_remove=bool(host.get("AutoRemove")),
        tty=bool(config.get("Tty")),
        network_mode=str(host.get("NetworkMode") or ""),
        cgroup_manager=str(host.get("CgroupManager") or ""),
        checkpoint_path=state.get("CheckpointPath") or "",
        checkpoint_log=state.get("CheckpointLog") or "",
        restore_log=state.get("RestoreLog") or "",
        rootfs_changes_bytes=int(raw.get("SizeRw") or 0),
        raw=raw,
    )


def _mount(row: Mapping[str, Any]) -> Mount:
    return Mount(
        type=row.get("Type") or "",
        name=row.get("Name") or "",
        source=row.get("Source") or "",
        destination=row.get("Destination") or "",
    )


def _bound_ports(ports: Mapping[str, Any]) -> list[Port]:
    found = []
    for key, bindings in ports.items():
        number, _, protocol = key.partition("/")
        for binding in bindings or []:
            found.append(
                Port(
                    host_ip=binding.get("HostIp") or "",
                    host_port=int(binding.get("HostPort") or 0),
                    container_port=int(number),
                    count=1,
                    protocol=protocol or "tcp",
                )
            )
    return found
