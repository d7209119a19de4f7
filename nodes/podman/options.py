"""The options of checkpoint and restore, spelled as Podman spells them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

COMPRESSIONS = ("zstd", "gzip", "none")


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
        if self.compress not in COMPRESSIONS:
            raise ValueError(f"compress must be one of {', '.join(COMPRESSIONS)}")

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class RestoreOptions:
    """podman-container-restore(1); --print-stats is always on, for Ferry reads it."""

    name: str = ""
    publish: tuple[str, ...] = ()
    pod: str = ""
    tcp_established: bool = False
    file_locks: bool = False
    ignore_rootfs: bool = False
    ignore_volumes: bool = False
    ignore_static_ip: bool = False
    ignore_static_mac: bool = False
    keep: bool = False

    def __post_init__(self) -> None:
        if self.name and self.tcp_established:
            raise ValueError("name and tcp_established exclude each other")

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


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
        known = {field.name: field.type for field in fields(cls)}
        for name, value in values.items():
            if name == "print_stats":
                continue
            if name == "leave_running":
                raise ValueError(
                    "leave_running is not possible in a migration: the container would run twice"
                )
            if name not in known:
                raise ValueError(f"{name} is not an option of a migration")
            if name == "compress":
                continue
            if not isinstance(value, bool):
                raise ValueError(f"{name} must be true or false")
        return cls(**{name: value for name, value in values.items() if name in known})

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
