"""Tell what a socket of files.img is: family, protocol, state, addresses."""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from nodes.criu.images.message_classes import ImageMessage
from nodes.criu.images.text import as_text

_FAMILIES: Final = {2: "inet", 10: "inet6"}
# Linux' numbers: lib/pycriu/images/pb2dict.py has the same tables.
_TYPES: Final = {1: "stream", 2: "dgram", 3: "raw", 5: "seqpacket", 10: "packet"}
_PROTOCOLS: Final = {
    1: "icmp",
    6: "tcp",
    17: "udp",
    58: "icmpv6",
    132: "sctp",
    136: "udplite",
    255: "raw",
}
_STATES: Final = {
    1: "established",
    2: "syn_sent",
    3: "syn_recv",
    4: "fin_wait1",
    5: "fin_wait2",
    6: "time_wait",
    7: "close",
    8: "close_wait",
    9: "last_ack",
    10: "listen",
}
_NETLINK: Final = {0: "route", 4: "sock_diag", 9: "audit", 12: "netfilter", 15: "kobject_uevent"}
# The most that the kernel takes (sun_path).
_UNIX_NAME_BYTES = 108
_IPV4_WORDS, _IPV6_WORDS = 1, 4


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenSocket:
    """``inode`` and ``peer`` tie the two ends of a pair of unix sockets together."""

    family: str
    protocol: str
    state: str
    local: str = ""
    remote: str = ""
    inode: int = 0
    peer: int = 0


def socket_of(entry: ImageMessage) -> OpenSocket | None:
    """Return the socket of an entry of files.img, None if it is something else."""
    if entry.HasField("isk"):
        return _inet(entry.isk)
    if entry.HasField("usk"):
        unix = entry.usk
        return OpenSocket(
            family="unix",
            protocol=_TYPES.get(unix.type, str(unix.type)),
            state=_STATES.get(unix.state, ""),
            local=_unix_name(unix.name),
            inode=unix.ino,
            peer=unix.peer,
        )
    if entry.HasField("psk"):
        packet = entry.psk
        return OpenSocket(
            family="packet", protocol=_TYPES.get(packet.type, str(packet.type)), state=""
        )
    if entry.HasField("nlsk"):
        netlink = entry.nlsk
        return OpenSocket(
            family="netlink",
            protocol=_NETLINK.get(netlink.protocol, str(netlink.protocol)),
            state=_STATES.get(netlink.state, ""),
            local=str(netlink.portid) if netlink.portid else "",
        )
    return None


def _inet(inet: ImageMessage) -> OpenSocket:
    protocol = _PROTOCOLS.get(inet.proto) or _TYPES.get(inet.type, str(inet.proto))
    return OpenSocket(
        family=_FAMILIES.get(inet.family, str(inet.family)),
        protocol=protocol,
        state=_STATES.get(inet.state, ""),
        local=_address(inet.src_addr, inet.src_port),
        remote=_address(inet.dst_addr, inet.dst_port) if inet.dst_port else "",
    )


def _address(words: Sequence[int], port: int) -> str:
    # Each word holds four bytes as they go over the wire, read as a little-endian number.
    if len(words) == _IPV4_WORDS:
        return f"{socket.inet_ntop(socket.AF_INET, struct.pack('<I', words[0]))}:{port}"
    if len(words) == _IPV6_WORDS:
        address = socket.inet_ntop(socket.AF_INET6, struct.pack("<4I", *words))
        return f"[{address}]:{port}"
    return ""


def _unix_name(name: bytes) -> str:
    name = name[:_UNIX_NAME_BYTES]
    # An abstract name begins with a zero byte; ss and netstat write it as @.
    if name.startswith(b"\0"):
        return "@" + as_text(name[1:]).rstrip("\0")
    return as_text(name).rstrip("\0")
