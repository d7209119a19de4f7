"""Write tar archives block by block, which need not make sense."""

from __future__ import annotations

import gzip
import sys

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

END = bytes(1024)
_CHECKSUM = slice(148, 156)


def header(
    name: bytes,
    *,
    kind: bytes = b"0",
    size: int | bytes = 0,
    target: bytes = b"",
    magic: bytes = b"ustar\x0000",
    prefix: bytes = b"",
    mode: bytes = b"0000644\x00",
) -> bytes:
    """Return a header with the right checksum; ``size`` as bytes is the field as it is."""
    block = bytearray(512)
    block[: len(name[:100])] = name[:100]
    block[100:108] = mode
    block[108:124] = b"0000000\x000000000\x00"
    block[124:136] = size if isinstance(size, bytes) else b"%011o\x00" % size
    block[136:148] = b"15301445571\x00"
    block[156:157] = kind
    block[157 : 157 + len(target)] = target
    block[257:265] = magic
    block[345 : 345 + len(prefix)] = prefix
    return checked(block)


def checked(block: bytearray | bytes) -> bytes:
    """Return a block with the right checksum."""
    block = bytearray(block)
    block[_CHECKSUM] = b" " * 8
    block[_CHECKSUM] = b"%06o\x00 " % sum(block)
    return bytes(block)


def member(name: bytes, data: bytes = b"", **fields: bytes) -> bytes:
    """Return a header, its bytes and their padding."""
    fields.setdefault("size", b"%011o\x00" % len(data))
    return header(name, **fields) + padded(data)


def pax(records: bytes, *, kind: bytes = b"x") -> bytes:
    return member(b"PaxHeaders.0/x", records, kind=kind)


def record(key: bytes, value: bytes) -> bytes:
    """Return a PAX record, which begins with its own length."""
    rest = b" " + key + b"=" + value + b"\n"
    length = len(rest) + len(str(len(rest)))
    length += len(str(length)) > len(str(len(rest)))
    return str(length).encode() + rest


def long_name(name: bytes, *, kind: bytes = b"L") -> bytes:
    return member(b"././@LongLink", name + b"\x00", kind=kind)


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 512)


def zstd_of(data: bytes, *, checksum: bool = False) -> bytes:
    return zstd.compress(data, options={int(zstd.CompressionParameter.checksum_flag): checksum})


def repeated(part: bytes, count: int, *, compression: str = "zstd") -> bytes:
    """Return compressed bytes that unpack to a part so many times, a stream for each."""
    packed = zstd_of(part) if compression == "zstd" else gzip.compress(part, mtime=0)
    return packed * count
