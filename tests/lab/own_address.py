"""A network that gives containers addresses of their own among the hosts, as machines have them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.lab.command import run_command
from tests.lab.workload import PORT_INSIDE

if TYPE_CHECKING:
    from tests.lab.host import Host
    from tests.lab.lab import Lab

NETWORK = "lan"
MAC = "02:fe:00:00:00:c8"
# Above the hosts' own: see network.py.
_PLACE = 200


@dataclass(frozen=True)
class OwnAddress:
    """One container's addresses, and the subnets that they are of."""

    ip4: str
    ip6: str
    subnet4: str
    subnet6: str
    port: int = PORT_INSIDE

    @classmethod
    def of(cls, lab: Lab) -> OwnAddress:
        """Choose the addresses, and put this machine into their IPv6 subnet, too."""
        subnet = lab.network.subnet
        # Of the range for private use, told apart by what the IPv4 subnets are told apart by.
        prefix = f"fd00:fe:{subnet.network_address.packed[2]:x}"
        run_command(["ip", "addr", "replace", f"{prefix}::1/64", "dev", lab.network.bridge])
        return cls(str(subnet[_PLACE]), f"{prefix}::c8", str(subnet), f"{prefix}::/64")

    @property
    def options(self) -> list[str]:
        """Return what `podman run` needs for a container with these addresses."""
        return ["--network", f"{NETWORK}:ip={self.ip4},ip={self.ip6},mac={MAC}"]


def give_network(host: Host, own: OwnAddress) -> None:
    """Make the network on a host, on its cable."""
    take_network(host)
    subnets = ["--subnet", own.subnet4, "--subnet", own.subnet6]
    host.run(
        ["podman", "network", "create", "--driver", "macvlan", "--opt", "parent=eth0",
         *subnets, NETWORK]
    )  # fmt: skip


def take_network(host: Host) -> None:
    """Remove the network, and the containers on it."""
    host.run(["podman", "network", "rm", "--force", "--time", "0", NETWORK], check=False)
