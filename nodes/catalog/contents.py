"""What an archive holds, as the site keeps it: one JSON document for each section.

The values of environment variables are in none of them: whoever asks for those has the archive
itself read again. Sizes are in bytes, times in microseconds where CRIU gives them so.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, TypedDict

SECTIONS: Final = (
    "summary",
    "timings",
    "processes",
    "memory",
    "files",
    "sockets",
    "mounts",
    "volumes",
    "rootfs",
    "networks",
    "spec",
    "config",
    "log",
    # A list of nodes.podman.privilege.Privilege.
    "privileges",
)
# Where a value of an environment variable was.
HIDDEN: Final = "•••"


class Summary(TypedDict):
    container_id: str
    container_name: str
    image: str
    image_id: str
    command: list[str]
    hostname: str
    runtime: str
    cgroup_manager: str
    labels: dict[str, str]
    # ISO 8601, "" where the archive does not say.
    created_at: str
    checkpointed_at: str
    processes: int
    threads: int
    memory_bytes: int
    archive_members: int
    unpacked_bytes: int
    rootfs_bytes: int
    rootfs_changes: int
    volumes_bytes: int
    # Sentences about parts that could not be read or were cut short.
    notes: list[str]


class Timing(TypedDict):
    """One of CRIU's figures; ``unit`` is us or pages."""

    name: str
    value: int
    unit: str


class Thread(TypedDict):
    tid: int
    name: str


class Process(TypedDict):
    """In the order of the process tree, parents before children."""

    pid: int
    ppid: int
    pgid: int
    sid: int
    depth: int
    name: str
    command: list[str]
    executable: str
    working_directory: str
    root: str
    state: str
    uid: int
    gid: int
    threads: list[Thread]
    # Names only: see HIDDEN.
    environment: list[str]


class MemoryPart(TypedDict):
    """``kind``: code, data, heap, stack, anonymous, shared, file or other."""

    kind: str
    bytes: int


class MemoryMapping(TypedDict):
    start: int
    end: int
    # r, w, x, and p or s, as /proc/PID/maps writes them.
    access: str
    kind: str
    path: str
    # Of it, what lies in the archive.
    stored_bytes: int


class ProcessMemory(TypedDict):
    pid: int
    name: str
    # Address space, and what of it lies in the archive.
    mapped_bytes: int
    stored_bytes: int
    parts: list[MemoryPart]
    mappings: list[MemoryMapping]


class Descriptor(TypedDict):
    fd: int
    # file, pipe, fifo, socket, tty, eventfd, eventpoll, signalfd, timerfd, inotify, memfd, …
    kind: str
    path: str
    access: str  # r, w or rw; "" where it does not matter
    position: int


class ProcessFiles(TypedDict):
    pid: int
    name: str
    descriptors: list[Descriptor]


class Socket(TypedDict):
    pid: int
    fd: int
    family: str  # inet, inet6, unix, packet, netlink
    protocol: str  # tcp, udp, stream, dgram, …
    state: str  # established, listen, … as CRIU names them, in small letters
    local: str
    remote: str


class MountPoint(TypedDict):
    destination: str
    type: str  # bind, volume, tmpfs, proc, …
    source: str
    options: list[str]


class Volume(TypedDict):
    name: str
    destination: str
    # Whether its files are in the archive, how many, and how large in all.
    stored: bool
    files: int
    bytes: int


class RootfsEntry(TypedDict):
    path: str  # absolute, without a trailing slash
    # written: added or changed, for the archive itself does not tell which; deleted.
    change: str
    type: str  # file, directory, symlink, device, fifo, other
    mode: int
    size_bytes: int
    target: str  # of a link


class Rootfs(TypedDict):
    entries: list[RootfsEntry]
    bytes: int
    # How many entries there are beyond those that are listed.
    left_out: int


class Interface(TypedDict):
    name: str
    mac: str
    addresses: list[str]
    gateways: list[str]


class Network(TypedDict):
    name: str
    static_ip: str
    static_mac: str
    interfaces: list[Interface]


class PublishedPort(TypedDict):
    host_ip: str
    host_port: int
    container_port: int
    range: int
    protocol: str


class Networks(TypedDict):
    mode: str
    networks: list[Network]
    ports: list[PublishedPort]


class ContainerLog(TypedDict):
    """The end of it, if it is long."""

    text: str
    bytes: int
    left_out_bytes: int


@dataclass(frozen=True, kw_only=True)
class Contents:
    """Everything that one reading of an archive found; keys are SECTIONS."""

    sections: dict[str, Any] = field(default_factory=dict)
    unpacked_bytes: int = 0

    @property
    def summary(self) -> Summary:
        found: Summary = self.sections["summary"]
        return found
