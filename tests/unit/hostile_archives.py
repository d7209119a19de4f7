"""Archives that nobody who means well would make, each with what is to be said about it.

Built by code and small; what they unpack to need not be.
"""

from __future__ import annotations

import gzip
import lzma
import os
import struct
from collections.abc import Callable
from typing import Final

from tests.unit.tar_blocks import (
    END,
    header,
    long_name,
    member,
    padded,
    pax,
    record,
    repeated,
    zstd_of,
)

MIB = 1024 * 1024
FIRST = member(b"config.dump", b"{}")
# How such a file is called, what it holds, and a part of the cause that is given for it.
Hostile = tuple[str, Callable[[], bytes], str]


def archive(*members: bytes) -> bytes:
    return FIRST + b"".join(members) + END


def inside(name: bytes, *members: bytes) -> bytes:
    """Return an archive with one in it."""
    return archive(member(name, b"".join(members) + END))


def flipped(data: bytes, at: int) -> bytes:
    changed = bytearray(data)
    changed[at] ^= 0xFF
    return bytes(changed)


def _base_256(number: int) -> bytes:
    """Return a size as GNU and Go write those of more than 8 GiB."""
    return b"\x80" + struct.pack(">3xQ", number)


def _million_members() -> bytes:
    """Return an archive whose root filesystem has more members than are allowed."""
    count, at_once = 201_000, 1000
    empty = header(b"x")
    outer = FIRST + header(b"rootfs-diff.tar", size=count * 512 + len(END))
    return zstd_of(outer) + repeated(empty * at_once, count // at_once) + zstd_of(END + END)


def _bomb(compression: str) -> bytes:
    """Return an archive of 2 GiB of zeros."""
    size_mib = 2 * 1024
    pack = zstd_of if compression == "zstd" else gzip.compress
    outer = FIRST + header(b"checkpoint/pages-1.img", size=size_mib * MIB)
    zeros = repeated(bytes(16 * MIB), size_mib // 16, compression=compression)
    return pack(outer) + zeros + pack(END)


def _wide_window() -> bytes:
    """Return a zstd stream that wants 2 GiB of memory to be unpacked."""
    window_log = 31
    return b"\x28\xb5\x2f\xfd\x00" + bytes([(window_log - 10) << 3]) + b"\x01\x00\x00" + bytes(300)


NO_ARCHIVES: Final[list[Hostile]] = [
    ("empty file", lambda: b"", "The file is empty"),
    ("one byte", lambda: b"\x1f", "too short"),
    ("text", lambda: b"Not an archive at all.\n" * 100, "begins neither"),
    ("zeros", lambda: bytes(10_240), "nothing but zeros"),
    ("xz", lambda: lzma.compress(os.urandom(5000)), "begins neither"),
    ("zstd of text", lambda: zstd_of(b"hello" * 1000), "The first member is refused"),
    ("zstd of nothing", lambda: zstd_of(b""), "its end is missing"),
    ("gzip of a gzip", lambda: gzip.compress(gzip.compress(archive())), "its end is missing"),
]

NAMES: Final[list[Hostile]] = [
    ("traversal", lambda: archive(member(b"../x")), "leads out of the archive"),
    ("traversal within", lambda: archive(member(b"checkpoint/../../x")), "leads out"),
    ("traversal by prefix", lambda: archive(member(b"x", prefix=b"a/..")), "leads out"),
    ("traversal by PAX", lambda: archive(pax(record(b"path", b"../x")), member(b"x")), "leads out"),
    ("traversal by long name", lambda: archive(long_name(b"a/../../x"), member(b"x")), "leads out"),
    ("absolute name", lambda: archive(member(b"/etc/passwd")), "/etc/passwd is refused: its name"),
    ("no name", lambda: archive(member(b"")), "it has a name that is none"),
    ("NUL in a name", lambda: archive(pax(record(b"path", b"a\0b")), member(b"x")), "none"),
    ("escape in a name", lambda: archive(member(b"a\x1b[2Jb")), "a\\x1b[2Jb is refused"),
    ("name of 5000", lambda: archive(long_name(b"x" * 5000), member(b"x")), "more than 4096"),
    ("twice", lambda: archive(member(b"config.dump")), "config.dump is refused: it is there twice"),
    ("twice in disguise", lambda: archive(member(b".//config.dump")), "it is there twice"),
    ("not Podman's", lambda: archive(member(b"config.json")), "it is none that Podman writes"),
]

TYPES: Final[list[Hostile]] = [
    ("symlink", lambda: archive(member(b"checkpoint/a", kind=b"2", target=b"/etc")), "a symlink"),
    ("parent", lambda: archive(member(b"checkpoint/parent", kind=b"2", target=b"/")), "a symlink"),
    ("hard link", lambda: archive(member(b"a", kind=b"1", target=b"config.dump")), "a hardlink"),
    ("character device", lambda: archive(member(b"checkpoint/a", kind=b"3")), "a device"),
    ("block device", lambda: archive(member(b"checkpoint/a", kind=b"4")), "a device"),
    ("fifo", lambda: archive(member(b"checkpoint/a", kind=b"6")), "a fifo"),
    ("sparse file", lambda: archive(member(b"checkpoint/a", kind=b"S")), "of a type"),
    ("global header", lambda: archive(pax(record(b"path", b"x"), kind=b"g")), "of a type"),
    ("volume label", lambda: archive(member(b"checkpoint/a", kind=b"V")), "of a type"),
    ("file as a folder", lambda: archive(member(b"checkpoint/a/")), "named as a directory"),
    ("folder with bytes", lambda: archive(member(b"volumes", b"x", kind=b"5")), "bytes of its own"),
]

HEADERS: Final[list[Hostile]] = [
    ("checksum", lambda: archive(flipped(member(b"checkpoint/a"), 3)), "its checksum is wrong"),
    ("old tar", lambda: archive(member(b"checkpoint/a", magic=bytes(8))), "unknown kind of tar"),
    ("negative size", lambda: archive(header(b"checkpoint/a", size=b"\xff" * 12)), "negative"),
    ("huge size", lambda: archive(header(b"checkpoint/a", size=b"\x80" + b"\xff" * 11)), "large"),
    ("Python's number", lambda: archive(header(b"checkpoint/a", size=b"0000000001_0")), "is none"),
    ("signed number", lambda: archive(header(b"checkpoint/a", size=b"-0000000010\0")), "is none"),
    (
        "PAX header of 4 GiB",
        lambda: archive(header(b"p", kind=b"x", size=_base_256(4 << 30))),
        "its extended header has 4294967296 bytes",
    ),
    (
        "PAX header of 20 KiB",
        lambda: archive(pax(record(b"comment", b"x" * 20_000)), member(b"checkpoint/a")),
        "its extended header has 200",
    ),
    (
        "PAX header of 65 records",
        lambda: archive(pax(b"".join(record(b"%d" % n, b"x") for n in range(65))), member(b"a")),
        "more than 64 records",
    ),
    ("chained PAX", lambda: archive(pax(record(b"a", b"b")) * 1000), "one extended header after"),
    ("chained names", lambda: archive(long_name(b"a") * 1000), "one extended header after"),
    (
        "PAX and long name",
        lambda: archive(pax(record(b"path", b"a")), long_name(b"b"), member(b"c")),
        "one extended header after",
    ),
    ("PAX and no more", lambda: archive(pax(record(b"path", b"a"))), "where a header belongs"),
    ("no PAX", lambda: archive(pax(b"hello\n"), member(b"a")), "PAX header is malformed"),
    ("long PAX", lambda: archive(pax(b"999 path=a\n"), member(b"a")), "PAX header is malformed"),
    ("short PAX", lambda: archive(pax(b"3 path=a\n"), member(b"a")), "PAX header is malformed"),
    ("PAX twice", lambda: archive(pax(record(b"path", b"a") * 2), member(b"a")), "malformed"),
    ("PAX size", lambda: archive(pax(record(b"size", b"-1")), member(b"a")), "no number"),
    ("sparse PAX", lambda: archive(pax(record(b"GNU.sparse.size", b"1")), member(b"a")), "sparse"),
    ("lone zeros", lambda: archive(bytes(512), member(b"a")), "where a header belongs"),
    ("after the end", lambda: archive() + b"#!/bin/sh\n", "follows the end of the archive"),
]

CUT_OFF: Final[list[Hostile]] = [
    ("in a header", lambda: archive()[:1200], "its end is missing"),
    ("after a member", lambda: FIRST, "its end is missing"),
    ("in the end", lambda: archive()[:-512], "its end is missing"),
    ("in the padding", lambda: FIRST[:600], "its end is missing"),
    (
        "in a member",
        lambda: FIRST + header(b"checkpoint/pages-1.img", size=_base_256(1 << 40)) + bytes(5000),
        "checkpoint/pages-1.img ends after 5000 of 1099511627776 bytes",
    ),
    ("in zstd", lambda: zstd_of(archive())[:-3], "its zstd stream does not end"),
    ("in zstd's head", lambda: zstd_of(archive())[:6], "its zstd stream does not end"),
    ("in gzip", lambda: gzip.compress(archive())[:-3], "its gzip stream does not end"),
    ("in an archive in it", lambda: archive(member(b"volumes/a.tar", header(b"x"))), "is cut off"),
    (
        "in a member of one in it",
        lambda: archive(member(b"volumes/a.tar", header(b"x", size=9999))),
        "volumes/a.tar:x ends after 0 of 9999 bytes",
    ),
]

STREAMS: Final[list[Hostile]] = [
    ("zstd damaged", lambda: flipped(zstd_of(archive(), checksum=True), -6), "is damaged"),
    ("zstd checksum", lambda: flipped(zstd_of(archive(), checksum=True), -1), "is damaged"),
    ("zstd and more", lambda: zstd_of(archive()) + b"more", "comes something else"),
    ("zstd, 2 GiB of window", _wide_window, "is damaged"),
    ("gzip checksum", lambda: flipped(gzip.compress(archive()), -6), "is damaged"),
    ("gzip and more", lambda: gzip.compress(archive()) + b"more", "comes something else"),
    ("empty zstd frames", lambda: zstd_of(FIRST) + repeated(b"", 5000), "hold next to nothing"),
    (
        "empty gzip streams",
        lambda: gzip.compress(FIRST) + repeated(b"", 5000, compression="gzip"),
        "hold next to nothing",
    ),
]

BOMBS: Final[list[Hostile]] = [
    ("zstd bomb", lambda: _bomb("zstd"), "more than 1000 times its size"),
    ("gzip bomb", lambda: _bomb("gzip"), "more than 1000 times its size"),
    ("a million members", _million_members, "have more than 200000 members"),
]

NESTED: Final[list[Hostile]] = [
    ("traversal", lambda: inside(b"rootfs-diff.tar", member(b"a/../../b")), "leads out"),
    ("absolute name", lambda: inside(b"volumes/a.tar", member(b"/etc/passwd")), "is absolute"),
    (
        "hard link out",
        lambda: inside(b"rootfs-diff.tar", member(b"a", kind=b"1", target=b"../../etc/shadow")),
        "its target leads out",
    ),
    ("no archive", lambda: archive(member(b"rootfs-diff.tar", b"hello" * 500)), "is refused"),
    ("compressed", lambda: archive(member(b"volumes/a.tar", zstd_of(padded(b"x")))), "is cut off"),
    (
        "after its end",
        lambda: archive(member(b"rootfs-diff.tar", member(b"a") + END + b"more")),
        "rootfs-diff.tar has something after its end",
    ),
]

# All but the bombs, which take seconds.
CORPUS: Final = [*NO_ARCHIVES, *NAMES, *TYPES, *HEADERS, *CUT_OFF, *STREAMS, *NESTED]
