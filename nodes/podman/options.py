"""The options of checkpoint and restore, spelled as Podman spells them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

COMPRESSIONS = ("zstd", "gzip", "none")
_PORT = r"(?:[1-9][0-9]{0,4})(?:-[1-9][0-9]{0,4})?"
# podman-run(1), --publish: [[IP:][HOST PORT]:]CONTAINER PORT[/PROTOCOL].
_PUBLISH = re.compile(
    rf"(?:(?:(?P<ip>[0-9.]{{7,15}}|\[[0-9a-fA-F:.]{{2,45}}\]):)?(?P<host>{_PORT})?:)?"
    rf"(?P<container>{_PORT})(?:/(?P<protocol>tcp|udp|sctp))?"
)
# What Podman takes for the name of a container or a pod.
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}")
_MOST_PORTS = 100
_LAST_PORT = 65535


@dataclass(frozen=True, kw_only=True)
class CheckpointOptions:
    """podman-container-checkpoint(1); --print-stats is always on, for Ferry reads it."""

    leave_running: bool = False
    tcp_established: bool = False
    file_locks: bool = False
    ignore_rootfs: bool = False
    ignore_volumes: bool = False
    compress: str = "zstd"
    keep: bool = False

    def __post_init__(self) -> None:
        _require_compression(self.compress)

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> Self:
        """Return the options in ``values``. Raises ValueError for an unknown name or value."""
        return cls(**_checked(cls, values, "checkpoint"))

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class RestoreOptions:
    """podman-container-restore(1); --print-stats is always on, for Ferry reads it."""

    name: str = ""
    publish: tuple[str, ...] = ()
    pod: str = ""
    tcp_established: bool = False
    tcp_close: bool = False
    file_locks: bool = False
    ignore_rootfs: bool = False
    ignore_volumes: bool = False
    ignore_static_ip: bool = False
    ignore_static_mac: bool = False
    keep: bool = False
    # Ferry's: first remove the stopped container whose name or ID is in the way.
    replace: bool = False

    def __post_init__(self) -> None:
        if self.name and self.tcp_established:
            raise ValueError(
                "name and tcp_established exclude each other: a renamed container gets an address "
                "of its own, to which its connections do not lead"
            )
        if self.tcp_close and self.tcp_established:
            raise ValueError("tcp_close and tcp_established exclude each other")
        for what, text in (("name", self.name), ("pod", self.pod)):
            if text and not _NAME.fullmatch(text):
                raise ValueError(
                    f"{what} must begin with a letter or digit and hold letters, digits, dots, "
                    "dashes and underscores only"
                )
        if len(self.publish) > _MOST_PORTS:
            raise ValueError(f"publish may be given {_MOST_PORTS} times at most")
        for text in self.publish:
            if not _PUBLISH.fullmatch(text):
                raise ValueError(f"publish must be HOST:CONTAINER, such as 8080:80, not {text!r}")
            port = _published(text)
            last = max(port.host_port, port.container_port) + port.count - 1
            if port.count < 1 or last > _LAST_PORT:
                raise ValueError(f"publish has a port that does not exist: {text!r}")

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> Self:
        """Return the options in ``values``. Raises ValueError for an unknown name or value."""
        given = _checked(cls, values, "restore")
        if "publish" in given:
            ports = given["publish"]
            if isinstance(ports, str) or not all(isinstance(port, str) for port in ports):
                raise ValueError("publish must be a list of HOST:CONTAINER")
            given["publish"] = tuple(ports)
        return cls(**given)

    @property
    def published(self) -> list[PublishedPort]:
        """Return the ports of ``publish``; a host port of 0 is one that Podman chooses."""
        return [_published(text) for text in self.publish]

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "publish": list(self.publish)}


@dataclass(frozen=True, kw_only=True)
class PublishedPort:
    host_port: int
    container_port: int
    count: int
    protocol: str


def _published(text: str) -> PublishedPort:
    found = _PUBLISH.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no published port")
    first, _, last = found["container"].partition("-")
    return PublishedPort(
        host_port=int((found["host"] or "0").partition("-")[0]),
        container_port=int(first),
        count=int(last or first) - int(first) + 1,
        protocol=found["protocol"] or "tcp",
    )


@dataclass(frozen=True, kw_only=True)
class MigrationOptions:
    """Both halves of a migration, and what becomes of the source's container after it."""

    tcp_established: bool = False
    file_locks: bool = False
    ignore_rootfs: bool = False
    ignore_volumes: bool = False
    ignore_static_ip: bool = False
    ignore_static_mac: bool = False
    compress: str = "zstd"
    # Podman's: keep CRIU's logs and statistics on the destination.
    keep: bool = False
    # Ferry's: after the commit keep the stopped container on the source instead of removing it.
    keep_source: bool = False

    def __post_init__(self) -> None:
        self.checkpoint  # noqa: B018 - its constructor checks the values

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> Self:
        """Return the options in ``values``. Raises ValueError for an unknown name or value."""
        if "leave_running" in values:
            raise ValueError(
                "leave_running is not possible in a migration: the container would run twice"
            )
        return cls(**_checked(cls, values, "migration"))

    @property
    def checkpoint(self) -> CheckpointOptions:
        return CheckpointOptions(
            tcp_established=self.tcp_established,
            file_locks=self.file_locks,
            ignore_rootfs=self.ignore_rootfs,
            ignore_volumes=self.ignore_volumes,
            compress=self.compress,
            keep=True,
        )

    @property
    def restore(self) -> RestoreOptions:
        return RestoreOptions(
            tcp_established=self.tcp_established,
            file_locks=self.file_locks,
            ignore_rootfs=self.ignore_rootfs,
            ignore_volumes=self.ignore_volumes,
            ignore_static_ip=self.ignore_static_ip,
            ignore_static_mac=self.ignore_static_mac,
            keep=self.keep,
        )

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def _require_compression(compress: object) -> None:
    if compress not in COMPRESSIONS:
        raise ValueError(f"compress must be one of {', '.join(COMPRESSIONS)}")


def _checked(cls: type[Any], values: Mapping[str, Any], what: str) -> dict[str, Any]:
    """Return the values for the fields of ``cls``. Raises ValueError for what is none of them."""
    kinds = {field.name: type(field.default) for field in fields(cls)}
    given = {name: value for name, value in values.items() if name != "print_stats"}
    words = {bool: "true or false", str: "text", tuple: "a list"}
    for name, value in given.items():
        if name not in kinds:
            raise ValueError(f"{name} is not an option of a {what}")
        if name == "compress":
            _require_compression(value)
        wanted = (list, tuple) if kinds[name] is tuple else kinds[name]
        if not isinstance(value, wanted):
            raise ValueError(f"{name} must be {words[kinds[name]]}")
    return given
