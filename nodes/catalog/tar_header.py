"""Read the headers of a tar archive, and refuse whatever two programs might read differently.

Podman unpacks archives with Go's archive/tar. What that and we could take for different members
must not pass: whoever looked at the contents would have seen something else than what is restored.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

BLOCK_BYTES: Final = 512

_PAX, _LONG_NAME, _LONG_TARGET = "x", "L", "K"
_EXTENSIONS = (_PAX, _LONG_NAME, _LONG_TARGET)
_POSIX = b"ustar\x0000"
_GNU = b"ustar  \x00"
_STAR = b"tar\x00"
_NUMBER = re.compile(rb"[ ]*([0-7]*)[ \x00]*")
_DECIMAL = re.compile(rb"[0-9]{1,19}")
_LENGTH = re.compile(rb"([1-9][0-9]{0,6}) ")
_BASE_256 = 0x80
# These change where a member's data ends or how its name is read.
_REFUSED_RECORDS = (b"GNU.sparse.", b"hdrcharset", b"SCHILY.realsize", b"RHT.")


class BadHeader(Exception):
    """The block is no header, or one that is not taken; says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Header:
    # The character of the header: 0 file, 1 hard link, 2 symbolic link, 5 directory, x PAX, …
    kind: str
    name: bytes
    mode: int
    size_bytes: int
    target: bytes


def parse_header(block: bytes) -> Header:
    """Return what a block of BLOCK_BYTES says of a member. Raises BadHeader."""
    if _number(block[148:156]) != sum(block) - sum(block[148:156]) + 8 * 0x20:
        raise BadHeader("its checksum is wrong")
    magic = block[257:265]
    if magic not in (_POSIX, _GNU) or block[508:] == _STAR:
        raise BadHeader("it is of an old or unknown kind of tar")
    name = _text(block[:100])
    prefix = _text(block[345:500])
    if prefix and magic == _GNU:
        raise BadHeader("it is of a kind of GNU tar that holds incremental copies")
    return Header(
        kind=chr(block[156]) if block[156] else "0",
        name=prefix + b"/" + name if prefix else name,
        mode=_number(block[100:108]) & 0o7777,
        size_bytes=_number(block[124:136]),
        target=_text(block[157:257]),
    )


class HeaderParts:
    """The extended headers that precede a member's own."""

    def __init__(self, most_bytes: int, most_records: int) -> None:
        self._most_bytes = most_bytes
        self._most_records = most_records
        self._payloads: dict[str, bytes] = {}

    def __bool__(self) -> bool:
        return bool(self._payloads)

    def extends(self, header: Header) -> bool:
        """Tell whether a header is an extended one. Raises BadHeader if it must not be."""
        if header.kind not in _EXTENSIONS:
            return False
        kinds = {*self._payloads, header.kind}
        if header.kind in self._payloads or (_PAX in kinds and len(kinds) > 1):
            raise BadHeader("it has one extended header after another")
        if header.size_bytes > self._most_bytes:
            raise BadHeader(f"its extended header has {header.size_bytes} bytes")
        return True

    def add(self, header: Header, payload: bytes) -> None:
        self._payloads[header.kind] = payload

    def merged(self, header: Header) -> Header:
        """Return a member's header with what the extended ones say. Raises BadHeader."""
        if not self._payloads:
            return header
        records = _parse_pax(self._payloads.get(_PAX, b""), self._most_records)
        name = records.get(b"path", header.name)
        target = records.get(b"linkpath", header.target)
        size = records.get(b"size")
        if size is not None and not _DECIMAL.fullmatch(size):
            raise BadHeader("its PAX header tells a size that is no number")
        if _LONG_NAME in self._payloads:
            name = _long_text(self._payloads[_LONG_NAME])
        if _LONG_TARGET in self._payloads:
            target = _long_text(self._payloads[_LONG_TARGET])
        return Header(
            kind=header.kind,
            name=name,
            mode=header.mode,
            size_bytes=header.size_bytes if size is None else int(size),
            target=target,
        )


def _parse_pax(payload: bytes, most_records: int) -> dict[bytes, bytes]:
    records: dict[bytes, bytes] = {}
    at = 0
    while at < len(payload):
        found = _LENGTH.match(payload, at)
        end = at + int(found[1]) if found else 0
        if found is None or end > len(payload) or payload[end - 1 : end] != b"\n":
            raise BadHeader("its PAX header is malformed")
        key, equals, value = payload[found.end() : end - 1].partition(b"=")
        if not equals or not key or key in records:
            raise BadHeader("its PAX header is malformed")
        if key.startswith(_REFUSED_RECORDS):
            raise BadHeader(f"its PAX header has the record {key[:40].decode('ascii', 'replace')}")
        records[key] = value
        if len(records) > most_records:
            raise BadHeader(f"its PAX header has more than {most_records} records")
        at = end
    return records


def _long_text(payload: bytes) -> bytes:
    """Return a long name of GNU tar, which ends with a NUL."""
    text = payload.rstrip(b"\x00")
    if b"\x00" in text:
        raise BadHeader("its long name has a NUL in it")
    return text


def _number(field: bytes) -> int:
    """Return an octal number, or one of base 256 as GNU and Go write large ones."""
    if field[0] & _BASE_256:
        # The second highest bit is the sign.
        if field[0] != _BASE_256:
            raise BadHeader("it holds a number that is negative or too large")
        number = int.from_bytes(field[1:], "big")
        if number >= 1 << 63:
            raise BadHeader("it holds a number that is negative or too large")
        return number
    found = _NUMBER.fullmatch(field)
    if found is None:
        raise BadHeader("it holds a number that is none")
    return int(found[1] or b"0", 8)


def _text(field: bytes) -> bytes:
    return field.partition(b"\x00")[0]
