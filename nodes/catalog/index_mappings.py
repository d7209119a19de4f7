"""Tell what one mapping of a process is."""

from __future__ import annotations

from typing import Final

from nodes.catalog.index_images import Images
from nodes.catalog.index_open_files import path_of
from nodes.criu.images.memory import AddressSpace, Mapping

# criu/include/image.h: the status of a mapping.
_STACK, _VSYSCALL, _VDSO, _HEAP = 1 << 1, 1 << 2, 1 << 3, 1 << 5
_FILE_PRIVATE, _FILE_SHARED, _ANON_SHARED, _ANON_PRIVATE = 1 << 6, 1 << 7, 1 << 8, 1 << 9
_SYSV_IPC, _SOCKET, _VVAR, _MEMFD, _GUARD = 1 << 10, 1 << 11, 1 << 12, 1 << 14, 1 << 16
_MAP_SHARED, _MAP_GROWSDOWN = 0x1, 0x100
_READ, _WRITE, _EXECUTE = 1, 2, 4
_OTHER: Final = _VSYSCALL | _VDSO | _VVAR | _SOCKET
# The kernel's own: it lies outside the address space of the process.
_NOT_COUNTED: Final = _VSYSCALL
_NAMES: Final = {_VDSO: "[vdso]", _VVAR: "[vvar]", _VSYSCALL: "[vsyscall]"}


def is_guard(mapping: Mapping) -> bool:
    """Whether it is no mapping of its own but a part of one that must not be touched."""
    return bool(mapping.status & _GUARD)


def kind_of(mapping: Mapping, space: AddressSpace) -> str:
    """Return code, data, heap, stack, anonymous, shared, file or other."""
    status = mapping.status
    if status & _OTHER:
        return "other"
    if (
        status & _STACK
        or mapping.flags & _MAP_GROWSDOWN
        or mapping.start <= space.start_stack < mapping.end
    ):
        return "stack"
    if status & _HEAP or _overlaps(mapping, space.heap):
        return "heap"
    if status & (_ANON_SHARED | _SYSV_IPC | _MEMFD):
        return "shared"
    if status & _FILE_PRIVATE:
        if mapping.prot & _EXECUTE:
            return "code"
        return "data" if mapping.prot & _WRITE else "file"
    if status & _FILE_SHARED:
        return "file"
    return "anonymous" if status & _ANON_PRIVATE else "other"


def _overlaps(mapping: Mapping, heap: range) -> bool:
    is_anonymous = bool(mapping.status & _ANON_PRIVATE)
    return is_anonymous and mapping.start < heap.stop and mapping.end > heap.start


def access_of(mapping: Mapping) -> str:
    """Return its rights as /proc/PID/maps writes them."""
    return (
        ("r" if mapping.prot & _READ else "-")
        + ("w" if mapping.prot & _WRITE else "-")
        + ("x" if mapping.prot & _EXECUTE else "-")
        + ("s" if mapping.flags & _MAP_SHARED else "p")
    )


def path_of_mapping(mapping: Mapping, kind: str, images: Images) -> str:
    """Return the path of its file, or a name in brackets as /proc/PID/maps has it."""
    if mapping.status & (_FILE_PRIVATE | _FILE_SHARED | _MEMFD):
        return path_of(images, mapping.shmid)
    for status, name in _NAMES.items():
        if mapping.status & status:
            return name
    return f"[{kind}]" if kind in ("heap", "stack") else ""


def size_of(mapping: Mapping) -> int:
    """Return its bytes of address space; none for what lies outside the process's own."""
    return 0 if mapping.status & _NOT_COUNTED else max(0, mapping.end - mapping.start)
