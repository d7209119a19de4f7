"""A host's cable: a veth pair that can be cut, mended and shaped."""

from __future__ import annotations

import re
from ipaddress import IPv4Address
from pathlib import Path

from tests.lab.command import run_command
from tests.lab.errors import LabError
from tests.lab.network import link_exists

INSIDE = "eth0"
IFF_UP = 1
UNITS = {"kbit": 1e3, "mbit": 1e6, "gbit": 1e9}


class Link:
    """The veth pair between the bridge and one host."""

    def __init__(self, outside: str, bridge: str) -> None:
        self.outside = outside
        self.bridge = bridge

    def connect(self, init_pid: int, address: str) -> None:
        """Plug the host in, if it is not plugged in already."""
        if not link_exists(self.outside):
            peer = ["peer", "name", INSIDE, "address", _mac(address), "netns", str(init_pid)]
            run_command(["ip", "link", "add", self.outside, "type", "veth", *peer])
        inside = ["nsenter", "--target", str(init_pid), "--net", "ip"]
        run_command([*inside, "addr", "replace", f"{address}/24", "dev", INSIDE])
        run_command([*inside, "link", "set", INSIDE, "up"])
        run_command(["ip", "link", "set", self.outside, "master", self.bridge, "up"])

    def remove(self) -> None:
        """Take the cable away; a host that is gone has mostly taken it along."""
        if link_exists(self.outside):
            run_command(["ip", "link", "delete", self.outside], check=False)

    @property
    def is_up(self) -> bool:
        """Whether the cable is plugged in and not cut."""
        try:
            flags = Path("/sys/class/net", self.outside, "flags").read_text()
        except FileNotFoundError:
            return False
        return bool(int(flags, 16) & IFF_UP)

    def cut(self) -> None:
        """Let nothing through, as a pulled cable would."""
        run_command(["ip", "link", "set", self.outside, "down"])

    def mend(self) -> None:
        """Undo the cut."""
        run_command(["ip", "link", "set", self.outside, "up"])

    def shape(self, init_pid: int, rate: str) -> None:
        """Limit both directions to a rate such as "1gbit" or "200mbit"."""
        bucket = ["root", "tbf", "rate", rate, "burst", str(_burst_bytes(rate)), "latency", "50ms"]
        for enter, device in self._ends(init_pid):
            run_command([*enter, "tc", "qdisc", "replace", "dev", device, *bucket])

    def unshape(self, init_pid: int) -> None:
        """Take the limits away."""
        for enter, device in self._ends(init_pid):
            # Deleting what is not there is an error to tc, and none to us.
            run_command([*enter, "tc", "qdisc", "delete", "dev", device, "root"], check=False)

    def _ends(self, init_pid: int) -> list[tuple[list[str], str]]:
        inside = ["nsenter", "--target", str(init_pid), "--net"]
        return [([], self.outside), (inside, INSIDE)]


def _burst_bytes(rate: str) -> int:
    found = re.fullmatch(r"([0-9.]+)(kbit|mbit|gbit)", rate)
    if found is None:
        raise LabError(f"not a rate: {rate!r}; say for instance 1gbit or 200mbit")
    bytes_per_s = float(found[1]) * UNITS[found[2]] / 8
    # 5 ms worth: timers are no finer, and one 64 KiB segment has to fit in.
    return max(int(bytes_per_s / 200), 2 * 65536)


def _mac(address: str) -> str:
    # The same after a restart, so that nobody's ARP cache is wrong.
    return ":".join(f"{byte:02x}" for byte in (0x02, 0xFE, *IPv4Address(address).packed))
