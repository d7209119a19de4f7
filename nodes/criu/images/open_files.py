"""Read the images of open files: which descriptors a process has, and what lies behind them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from nodes.criu.images.entries import Read, read_entries
from nodes.criu.images.message_classes import ImageMessage
from nodes.criu.images.open_sockets import OpenSocket, socket_of
from nodes.criu.images.text import as_text

# images/fdinfo.proto: enum fd_types
_KINDS: Final = {
    1: "file",
    2: "pipe",
    3: "fifo",
    4: "socket",
    5: "socket",
    6: "eventfd",
    7: "eventpoll",
    8: "inotify",
    9: "signalfd",
    10: "socket",
    11: "tty",
    12: "fanotify",
    13: "socket",
    14: "namespace",
    15: "tun",
    16: "external",
    17: "timerfd",
    18: "memfd",
    19: "bpf",
    20: "pidfd",
}
_ACCESS: Final = ("r", "w", "rw", "")


class FileDescriptor(NamedTuple):
    fd: int
    file_id: int
    type: int


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenFile:
    """``behind_id`` is another file of files.img, or of memfd.img, that has the path."""

    file_id: int
    kind: str
    path: str = ""
    access: str = ""
    position: int = 0
    behind_id: int = 0
    socket: OpenSocket | None = None


def kind_of_descriptor(number: int) -> str:
    return _KINDS.get(number, "other")


def read_descriptors(read: Read) -> Iterator[FileDescriptor]:
    """Yield the descriptors of an fdinfo-N.img. Raises ImageUnreadable."""
    for entry in read_entries(read, "fdinfo"):
        yield FileDescriptor(entry.fd, entry.id, entry.type)


def read_files(read: Read) -> Iterator[OpenFile]:
    """Yield what files.img holds. Raises ImageUnreadable."""
    for entry in read_entries(read, "files"):
        yield _open_file(entry)


def read_memfd_names(read: Read) -> Iterator[tuple[int, str]]:
    """Yield the number and the name of each file of memfd.img. Raises ImageUnreadable."""
    for entry in read_entries(read, "memfd"):
        yield entry.inode_id, as_text(entry.name)


def _open_file(entry: ImageMessage) -> OpenFile:
    kind = kind_of_descriptor(entry.type)
    path, access, position, behind_id = "", "", 0, 0
    if entry.HasField("reg"):
        path, access, position = as_text(entry.reg.name), _access(entry.reg.flags), entry.reg.pos
    elif entry.HasField("pipe"):
        path, access = f"pipe:[{entry.pipe.pipe_id}]", _access(entry.pipe.flags)
    elif entry.HasField("fifo"):
        behind_id = entry.fifo.regf_id
    elif entry.HasField("tty"):
        behind_id, access = entry.tty.regf_id, _access(entry.tty.flags)
    elif entry.HasField("memfd"):
        behind_id, access = entry.memfd.inode_id, _access(entry.memfd.flags)
        position = entry.memfd.pos
    elif entry.HasField("tunf"):
        path = as_text(entry.tunf.netdev)
    return OpenFile(
        file_id=entry.id,
        kind=kind,
        path=path,
        access=access,
        position=position,
        behind_id=behind_id,
        socket=socket_of(entry),
    )


def _access(flags: int) -> str:
    return _ACCESS[flags & 3]
