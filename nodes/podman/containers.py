"""Read what `podman ps` and `podman container inspect` say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from nodes.podman.answer import list_of, number_of, parse_json, reading, text_of, texts_of

# podman-run(1): --ip=ADDRESS, --ip6 ADDRESS, --network=NAME:ip=ADDRESS,…
FIXED_ADDRESS = re.compile(r"^--ip6?(=|$)|[:,]ip6?=")
_ID = re.compile(r"[0-9a-f]{12,64}")
# The columns of nodes/models/container.py, which this layer does not know.
_NAME_CHARS = 255
_IMAGE_CHARS = 512
_IMAGE_ID_CHARS = 64
_STATE_CHARS = 32
_STATUS_CHARS = 255
_LAST_PORT = 65535
_INT_32 = 2**31 - 1
_INT_64 = 2**63 - 1


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


@reading("podman ps")
def parse_containers(text: str) -> list[ListedContainer]:
    """Read `podman ps --all --no-trunc --format json`; infra containers of pods are left out.

    Raises UnreadableAnswer.
    """
    rows = list_of(parse_json(text, "podman ps"))
    listed = [_listed(row) for row in rows if not row.get("IsInfra")]
    # An ID is one row of the database, even if a node says it twice.
    return list({container.podman_id: container for container in listed}.values())


def _listed(row: Mapping[str, Any]) -> ListedContainer:
    podman_id = _id(row["Id"])
    state = text_of(row.get("State") or "unknown", _STATE_CHARS).lower()
    names = texts_of(row.get("Names"))
    return ListedContainer(
        podman_id=podman_id,
        name=text_of(names[0] if names else podman_id[:12], _NAME_CHARS),
        image=text_of(row.get("Image"), _IMAGE_CHARS),
        image_id=text_of(row.get("ImageID"), _IMAGE_ID_CHARS),
        state=state,
        status=text_of(row.get("Status"), _STATUS_CHARS),
        command=texts_of(row.get("Command")),
        ports=[_port(port) for port in list_of(row.get("Ports"))],
        labels=_labels(row.get("Labels")),
        mounts=texts_of(row.get("Mounts")),
        networks=texts_of(row.get("Networks")),
        pod=text_of(row.get("PodName") or row.get("Pod"), _NAME_CHARS),
        exit_code=_exit_code(row.get("ExitCode")) if state == "exited" else None,
        created_at=_epoch(row.get("Created")),
        started_at=_epoch(row.get("StartedAt")),
    )


def _id(value: Any) -> str:
    # It becomes part of addresses, paths and commands.
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise ValueError(f"{value!r} is not a container's ID")
    return value


def _labels(value: Any) -> dict[str, str]:
    return {text_of(key): text_of(label) for key, label in dict(value or {}).items()}


def _exit_code(value: Any) -> int | None:
    return None if value is None else number_of(value, -_INT_32, _INT_32)


def _port(row: Mapping[str, Any]) -> Port:
    return Port(
        host_ip=text_of(row.get("host_ip")),
        host_port=number_of(row.get("host_port"), 0, _LAST_PORT),
        container_port=number_of(row.get("container_port"), 0, _LAST_PORT),
        count=number_of(row.get("range") or 1, 1, _LAST_PORT),
        protocol=text_of(row.get("protocol") or "tcp"),
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
    # How often its restart policy has started it afresh; an imported one begins at 0 (measured:
    # Podman 5.8.6).
    restarts: int
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
    exec_sessions: list[str]
    devices: list[str]
    raw: dict[str, Any]

    @property
    def volumes(self) -> list[str]:
        return [mount.name for mount in self.mounts if mount.type == "volume"]

    @property
    def bind_sources(self) -> list[str]:
        return [mount.source for mount in self.mounts if mount.type == "bind"]


@reading("podman container inspect")
def parse_container_detail(text: str) -> ContainerDetail:
    """Read `podman container inspect NAME` (a list of one). Raises UnreadableAnswer."""
    raw: dict[str, Any] = parse_json(text, "podman container inspect")[0]
    state = raw["State"]
    host = raw.get("HostConfig") or {}
    config = raw.get("Config") or {}
    networks = (raw.get("NetworkSettings") or {}).get("Networks") or {}
    return ContainerDetail(
        podman_id=_id(raw["Id"]),
        name=text_of(raw["Name"], _NAME_CHARS),
        image_id=text_of(raw["Image"], _IMAGE_ID_CHARS),
        image_name=text_of(raw.get("ImageName"), _IMAGE_CHARS),
        state=text_of(state["Status"], _STATE_CHARS),
        running=bool(state.get("Running")),
        restarts=number_of(raw.get("RestartCount"), 0, _INT_32),
        pid=number_of(state.get("Pid"), 0, _INT_32),
        exit_code=number_of(state.get("ExitCode"), -_INT_32, _INT_32),
        runtime=text_of(raw.get("OCIRuntime")),
        mounts=[_mount(mount) for mount in list_of(raw.get("Mounts"))],
        ports=_bound_ports((raw.get("NetworkSettings") or {}).get("Ports") or {}),
        # With --network host or none there is a network of that name here, but not in `network ls`.
        networks=sorted(set(networks) - {"host", "none"}),
        addresses=frozenset(
            text_of(address)
            for network in networks.values()
            for address in (network.get("IPAddress"), network.get("GlobalIPv6Address"))
            if address
        ),
        has_fixed_address=any(
            FIXED_ADDRESS.search(word) for word in texts_of(config.get("CreateCommand"))
        ),
        labels=_labels(config.get("Labels")),
        auto_remove=bool(host.get("AutoRemove")),
        tty=bool(config.get("Tty")),
        network_mode=text_of(host.get("NetworkMode")),
        cgroup_manager=text_of(host.get("CgroupManager")),
        checkpoint_path=text_of(state.get("CheckpointPath")),
        checkpoint_log=text_of(state.get("CheckpointLog")),
        restore_log=text_of(state.get("RestoreLog")),
        rootfs_changes_bytes=number_of(raw.get("SizeRw"), 0, _INT_64),
        exec_sessions=texts_of(raw.get("ExecIDs")),
        devices=[text_of(device.get("PathOnHost")) for device in list_of(host.get("Devices"))],
        raw=raw,
    )


def _mount(row: Mapping[str, Any]) -> Mount:
    return Mount(
        type=text_of(row.get("Type")),
        name=text_of(row.get("Name")),
        source=text_of(row.get("Source")),
        destination=text_of(row.get("Destination")),
    )


def _bound_ports(ports: Mapping[str, Any]) -> list[Port]:
    found = []
    for key, bindings in ports.items():
        number, _, protocol = key.partition("/")
        for binding in list_of(bindings):
            found.append(
                Port(
                    host_ip=text_of(binding.get("HostIp")),
                    host_port=number_of(binding.get("HostPort"), 0, _LAST_PORT),
                    container_port=number_of(number, 0, _LAST_PORT),
                    count=1,
                    protocol=protocol or "tcp",
                )
            )
    return found
