"""Tell what each process of an archive has open."""

from __future__ import annotations

from nodes.catalog.contents import Descriptor, ProcessFiles, Socket
from nodes.catalog.index_images import Images
from nodes.criu.images.open_files import FileDescriptor, OpenFile, kind_of_descriptor
from nodes.criu.images.open_sockets import OpenSocket


def path_of(images: Images, file_id: int) -> str:
    """Return the path of a file of files.img, "" if it has none."""
    file = images.files.get(file_id)
    if file is None:
        return ""
    if file.kind == "memfd":
        name = images.memfd_names.get(file.behind_id, "")
        # Shared anonymous memory is such a file too, and is called /dev/zero.
        path = name if name.startswith("/") else f"memfd:{name}"
    else:
        behind = images.files.get(file.behind_id) if file.behind_id else None
        path = behind.path if behind else file.path
    # Once more for each that has it open: so it is written down.
    return images.budget.text(path)


def files_of(images: Images) -> tuple[list[ProcessFiles], list[Socket]]:
    """Return the descriptors of all processes, and those of them that are sockets."""
    names = _SocketNames(images)
    files: list[ProcessFiles] = []
    sockets: list[Socket] = []
    for entry in images.tree:
        task = images.tasks.get(entry.pid)
        opened = images.descriptors.get(images.files_ids.get(entry.pid, 0), [])
        process = ProcessFiles(pid=entry.pid, name=task.name if task else "", descriptors=[])
        for descriptor in opened:
            # Processes may share one table of descriptors: each lists it.
            if not images.budget.take("descriptors in the list"):
                break
            file = images.files.get(descriptor.file_id)
            process["descriptors"].append(_descriptor(images, descriptor, file, names))
            if file and file.socket:
                sockets.append(names.socket(entry.pid, descriptor.fd, file.socket))
        files.append(process)
    return files, sockets


def _descriptor(
    images: Images, descriptor: FileDescriptor, file: OpenFile | None, names: _SocketNames
) -> Descriptor:
    if file is None:
        return Descriptor(
            fd=descriptor.fd,
            kind=kind_of_descriptor(descriptor.type),
            path="",
            access="",
            position=0,
        )
    return Descriptor(
        fd=descriptor.fd,
        kind=file.kind,
        path=names.both_ends(file.socket) if file.socket else path_of(images, file.file_id),
        access=file.access or _access_behind(images, file),
        position=file.position,
    )


def _access_behind(images: Images, file: OpenFile) -> str:
    behind = images.files.get(file.behind_id) if file.kind == "fifo" else None
    return behind.access if behind else ""


class _SocketNames:
    """Knows the other end of a unix socket, which CRIU gives as a number."""

    def __init__(self, images: Images) -> None:
        self._unix = {
            file.socket.inode: file.socket.local
            for file in images.files.values()
            if file.socket and file.socket.inode
        }

    def remote(self, socket: OpenSocket) -> str:
        if not socket.peer:
            return socket.remote
        return self._unix.get(socket.peer) or f"socket:[{socket.peer}]"

    def local(self, socket: OpenSocket) -> str:
        return socket.local or (f"socket:[{socket.inode}]" if socket.inode else "")

    def both_ends(self, socket: OpenSocket) -> str:
        return " → ".join(end for end in (self.local(socket), self.remote(socket)) if end)

    def socket(self, pid: int, fd: int, socket: OpenSocket) -> Socket:
        return Socket(
            pid=pid,
            fd=fd,
            family=socket.family,
            protocol=socket.protocol,
            state=socket.state,
            local=self.local(socket),
            remote=self.remote(socket),
        )
