"""Write CRIU's images byte for byte as CRIU 4.2 does, from numbers of images/*.proto alone.

Nothing of the reader under test is used here.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

PAGE = 4096
COMMON, SERVICE = 0x54564319, 0x55105940
MAGIC = {
    "inventory": 0x58313116,
    "pstree": 0x50273030,
    "core": 0x55053847,
    "ids": 0x54432030,
    "fs": 0x51403912,
    "mm": 0x57492820,
    "pagemap": 0x56084025,
    "fdinfo": 0x56213732,
    "files": 0x56303138,
    "memfd": 0x48453499,
    "utsns": 0x54473203,
    "seccomp": 0x64413049,
    "mountpoints": 0x55563928,
    "stats": 0x57093306,
}
# Of the node and of the container: pid, net, ipc, uts, mnt, user, cgroup.
NODE_NAMESPACES = {5: 1, 6: 2, 7: 3, 8: 4, 9: 6, 10: 7, 11: 8}
NAMESPACES = {5: 9, 6: 10, 7: 11, 8: 12, 9: 13, 10: 7, 11: 14}
# Programs of classic BPF that return one verdict: SECCOMP_RET_ERRNO, SECCOMP_RET_ALLOW.
DENY_ALL = struct.pack("<HBBI", 6, 0, 0, 0x50001)
ALLOW_ALL = struct.pack("<HBBI", 6, 0, 0, 0x7FFF0000)
# The status of a mapping: criu/include/image.h
REGULAR, STACK, VDSO, HEAP = 1, 2, 8, 32
FILE_PRIVATE, FILE_SHARED, ANON_SHARED, ANON_PRIVATE = 64, 128, 256, 512
READ, WRITE, EXECUTE = 1, 2, 4
MAP_SHARED, MAP_PRIVATE, MAP_ANON = 1, 2, 0x20
PRESENT = 4

Value = int | bytes | str | list[int] | list[bytes]


def message(fields: Mapping[int, Value]) -> bytes:
    """Encode a protobuf message of numbers, bytes and lists of them."""
    return b"".join(
        _field(number, item)
        for number, value in fields.items()
        for item in (value if isinstance(value, list) else [value])
    )


def _field(number: int, value: int | bytes | str) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    payload = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(payload)) + payload


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def entry(payload: bytes) -> bytes:
    return struct.pack("<I", len(payload)) + payload


def image(kind: str, *entries: Mapping[int, Value]) -> bytes:
    """Write an image of a kind of MAGIC."""
    leads = {"inventory": [], "stats": [SERVICE]}.get(kind, [COMMON])
    head = b"".join(struct.pack("<I", magic) for magic in [*leads, MAGIC[kind]])
    return head + b"".join(entry(message(fields)) for fields in entries)


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A descriptor: the type of its file (enum fd_types), the file's field and what is in it."""

    fd: int
    type: int
    number: int
    fields: Mapping[int, Value]


def regular(fd: int, path: str, *, flags: int = 0, position: int = 0) -> Opened:
    return Opened(fd=fd, type=1, number=3, fields={2: flags, 3: position, 6: path})


def pipe(fd: int, pipe_id: int, *, flags: int = 1) -> Opened:
    return Opened(fd=fd, type=2, number=18, fields={2: pipe_id, 3: flags})


def inet(
    fd: int,
    *,
    state: int,
    local: tuple[str, int],
    remote: tuple[str, int] = ("0.0.0.0", 0),
    protocol: int = 6,
) -> Opened:
    """Open an IPv4 socket; 10 is the state of one that listens, 1 of one that is connected."""
    addresses = [
        struct.unpack("<I", bytes(map(int, host.split("."))))[0] for host in (local[0], remote[0])
    ]
    fields: dict[int, Value] = {2: 90 + fd, 3: 2, 4: 1 if protocol == 6 else 2, 5: protocol}
    fields |= {6: state, 7: local[1], 8: remote[1], 11: [addresses[0]], 12: [addresses[1]]}
    return Opened(fd=fd, type=4, number=4, fields=fields)


def unix(fd: int, *, inode: int, peer: int = 0, name: bytes = b"", state: int = 10) -> Opened:
    fields: dict[int, Value] = {2: inode, 3: 1, 4: state, 8: peer, 11: name}
    return Opened(fd=fd, type=5, number=16, fields=fields)


@dataclass(frozen=True, kw_only=True)
class Program:
    """One process of a container: 4 KiB of code, ``memory`` in its heap, and a stack."""

    pid: int = 1
    ppid: int = 0
    name: str = "counter"
    arguments: Sequence[str] = ("counter", "64")
    environment: Sequence[str] = ("PATH=/bin", "SECRET=hunter2")
    memory: bytes = b""
    opened: Sequence[Opened] = (regular(0, "/dev/null", flags=0o100002), pipe(1, 70), pipe(2, 71))
    # Besides the first, whose number is the PID.
    threads: Mapping[int, str] = field(default_factory=dict)
    state: int = 1
    uid: int = 0
    gid: int = 0
    executable: str = "/bin/counter"
    working_directory: str = "/"
    # Of every set, one bit each.
    capabilities: int = 0
    seccomp_mode: int = 2
    # Further fields of the credentials, by number.
    creds: Mapping[int, Value] = field(default_factory=dict)


def checkpoint_images(programs: Sequence[Program], *, host_name: str = "ferry") -> dict[str, bytes]:
    """Return the files of a checkpoint folder by name, in the order of Podman's export."""
    writer = _Writer()
    for program in programs:
        writer.add(program)
    found = writer.images | {
        "inventory.img": image("inventory", {1: 2, 2: 1, 3: message(NODE_NAMESPACES), 4: 1}),
        "seccomp.img": image("seccomp", {1: [message({1: DENY_ALL})]}),
        "pstree.img": image("pstree", *(_tree_entry(program) for program in programs)),
        "files.img": image("files", *writer.files),
        "utsns-12.img": image("utsns", {1: host_name, 2: "(none)"}),
    }
    return dict(sorted(found.items()))


def stats_dump(*, frozen_us: int = 156906, pages_written: int = 16399) -> bytes:
    figures: dict[int, Value] = {1: 100637, 2: frozen_us, 3: 40903, 4: 21633}
    figures |= {5: pages_written + 7, 6: 0, 7: pages_written, 8: 0, 9: 0}
    return image("stats", {1: message(figures)})


def _tree_entry(program: Program) -> dict[int, Value]:
    threads = [program.pid, *program.threads]
    return {1: program.pid, 2: program.ppid, 3: program.pid, 4: 1, 5: threads}


class _Writer:
    """Gives numbers to files and pages as CRIU does."""

    def __init__(self) -> None:
        self.images: dict[str, bytes] = {}
        self.files: list[dict[int, Value]] = []
        self._processes = 0

    def add(self, program: Program) -> None:
        self._processes += 1
        pid, files_id = program.pid, self._processes + 1
        self.images[f"core-{pid}.img"] = image("core", _core(program))
        for tid, name in program.threads.items():
            self.images[f"core-{tid}.img"] = image("core", {1: 1, 5: _thread(program, name)})
        executable_id = self._file(regular(0, program.executable))
        opened = [
            {1: self._file(opened), 2: 0, 3: opened.type, 4: opened.fd} for opened in program.opened
        ]
        self.images[f"fdinfo-{files_id}.img"] = image("fdinfo", *opened)
        self.images[f"ids-{pid}.img"] = image("ids", {1: 1, 2: files_id, 3: 1, 4: 1, **NAMESPACES})
        places = [self._file(regular(0, path)) for path in (program.working_directory, "/")]
        self.images[f"fs-{pid}.img"] = image("fs", {1: places[0], 2: places[1], 3: 0o22})
        self._memory(program, executable_id)

    def _file(self, opened: Opened) -> int:
        file_id = len(self.files) + 1
        own = message({1: file_id, **opened.fields})
        self.files.append({1: opened.type, 2: file_id, opened.number: own})
        return file_id

    def _memory(self, program: Program, executable_id: int) -> None:
        """Map code at 4 MiB, the heap at 16 MiB and the stack at 1 GiB, as tight as may be."""
        words = b"".join(word.encode() + b"\0" for word in program.arguments)
        pairs = b"".join(pair.encode() + b"\0" for pair in program.environment)
        heap = program.memory + bytes(-len(program.memory) % PAGE)
        # As in life: words and pairs end where the stack ends, but for a little.
        above = words + pairs + bytes(16)
        stack = bytes(PAGE + -len(above) % PAGE) + above
        heap_at, stack_at = 16 << 20, 1 << 30
        words_at = stack_at + len(stack) - len(above)
        pairs_at = words_at + len(words)
        vmas = [
            _vma(4 << 20, PAGE, READ | EXECUTE, MAP_PRIVATE, REGULAR | FILE_PRIVATE, executable_id),
            _vma(stack_at, len(stack), READ | WRITE, 0x122, REGULAR | STACK | ANON_PRIVATE),
        ]
        runs: list[dict[int, Value]] = [{1: stack_at, 2: 0, 4: PRESENT, 5: len(stack) // PAGE}]
        if heap:
            flags = MAP_PRIVATE | MAP_ANON
            vmas.insert(
                1, _vma(heap_at, len(heap), READ | WRITE, flags, REGULAR | HEAP | ANON_PRIVATE)
            )
            runs.insert(0, {1: heap_at, 2: 0, 4: PRESENT, 5: len(heap) // PAGE})
        pid = program.pid
        self.images[f"mm-{pid}.img"] = image(
            "mm",
            {
                **dict.fromkeys(range(1, 5), 4 << 20),
                5: stack_at + PAGE,
                6: heap_at,
                7: heap_at + len(heap),
                8: words_at,
                9: pairs_at,
                10: pairs_at,
                11: pairs_at + len(pairs),
                12: executable_id,
                13: [33, 0],
                14: vmas,
                15: 1,
            },
        )
        pages_id = self._processes
        self.images[f"pagemap-{pid}.img"] = image("pagemap", {1: pages_id}, *runs)
        self.images[f"pages-{pages_id}.img"] = heap + stack


def _vma(start: int, size: int, prot: int, flags: int, status: int, file_id: int = 0) -> bytes:
    return message(
        {1: start, 2: start + size, 3: 0, 4: file_id, 5: prot, 6: flags, 7: status, 8: 1, 9: 0}
    )


def _core(program: Program) -> dict[int, Value]:
    task = message({1: program.state, 2: 0, 3: 0, 4: 0, 5: 0, 6: program.name})
    return {1: 1, 3: task, 5: _thread(program, program.name)}


def _thread(program: Program, name: str) -> bytes:
    creds: dict[int, Value] = {
        number: program.gid if number % 2 == 0 else program.uid for number in range(1, 9)
    }
    words = [program.capabilities & 0xFFFFFFFF, program.capabilities >> 32]
    creds |= {**dict.fromkeys((9, 10, 11, 12, 19), words), 13: 0, **program.creds}
    return message({1: 0, 2: 0, 10: message(creds), 11: program.seccomp_mode, 12: 0, 13: name})
