"""Say on a network at which place an address is now: a gratuitous ARP, or its like of IPv6.

Neither CRIU nor netavark 1.17 says it of a macvlan (measured): a switch that has not heard the
container's MAC address from its new port goes on sending to the old one. The frames are made here,
for few hosts have arping; a node only has to send bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address

from nodes.podman.networks import Attachment

# What a node needs one of, in the order in which it is taken.
SENDERS = ("python3", "perl")
# Each sends the frames that it is given in hexadecimal from the interface with their MAC address.
SEND_WITH_PYTHON = """
import socket, sys
for _, name in socket.if_nameindex():
    link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    link.bind((name, 0))
    for frame in map(bytes.fromhex, sys.argv[1:]):
        if frame[6:12] == link.getsockname()[4]:
            link.send(frame)
"""
# 17 is AF_PACKET, 3 SOCK_RAW, 0x8933 SIOCGIFINDEX, 0x8927 SIOCGIFHWADDR; perl-base has no names
# for them. The last pack is a sockaddr_ll: packet(7).
SEND_WITH_PERL = """
socket(my $link, 17, 3, 0) or die;
open(my $list, "<", "/proc/net/dev") or die;
while (<$list>) {
    my ($name) = /^\\s*([^\\s:]+):/ or next;
    ioctl($link, 0x8933, my $index = pack("a16 x24", $name)) or next;
    ioctl($link, 0x8927, my $address = pack("a16 x24", $name)) or next;
    my $mac = unpack("x18 a6", $address);
    my $there = pack("S n l S C C a8", 17, 0, unpack("x16 l", $index), 0, 0, 6, "");
    for my $frame (map { pack("H*", $_) } @ARGV) {
        send($link, $frame, 0, $there) if substr($frame, 6, 6) eq $mac;
    }
}
"""
_BROADCAST = b"\xff" * 6
_ARP = 0x0806
_IPV6 = 0x86DD
_ICMPV6 = 58
_ALL_NODES = IPv6Address("ff02::1")
_ALL_NODES_MAC = bytes.fromhex("333300000001")
_OVERRIDE = 0x20000000


def announcements(attached: Iterable[Attachment]) -> list[bytes]:
    """Return one frame for each address that has a MAC address to be announced with."""
    frames = []
    for one in attached:
        mac = bytes.fromhex(one.mac.replace(":", ""))
        addresses = [ip_address(address) for address in one.addresses if len(mac) == 6]
        frames += [_announcement(mac, address) for address in addresses]
    return frames


def _announcement(mac: bytes, address: IPv4Address | IPv6Address) -> bytes:
    if isinstance(address, IPv4Address):
        return _gratuitous_arp(mac, address)
    return _advertisement(mac, address)


def _gratuitous_arp(mac: bytes, address: IPv4Address) -> bytes:
    """RFC 5227, section 3: a request by the address for itself, which every ARP cache takes."""
    head = _BROADCAST + mac + struct.pack("!H", _ARP)
    asked = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1)
    return head + asked + mac + address.packed + bytes(6) + address.packed


def _advertisement(mac: bytes, address: IPv6Address) -> bytes:
    """RFC 4861, section 4.4: an unsolicited advertisement that overrides what is known."""
    option = struct.pack("!BB", 2, 1) + mac
    body = struct.pack("!I", _OVERRIDE) + address.packed + option
    pseudo = address.packed + _ALL_NODES.packed + struct.pack("!II", 4 + len(body), _ICMPV6)
    checksum = _checksum(pseudo + struct.pack("!BBH", 136, 0, 0) + body)
    message = struct.pack("!BBH", 136, 0, checksum) + body
    head = struct.pack("!IHBB", 0x60000000, len(message), _ICMPV6, 255)
    ethernet = _ALL_NODES_MAC + mac + struct.pack("!H", _IPV6)
    return ethernet + head + address.packed + _ALL_NODES.packed + message


def _checksum(data: bytes) -> int:
    """RFC 1071."""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
