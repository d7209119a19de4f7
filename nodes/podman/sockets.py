"""Read /proc/net/tcp, tcp6, udp and udp6: what is taken and open, without iproute2 on the node."""

from __future__ import annotations

from nodes.podman.answer import reading

_TCP_ESTABLISHED = "01"
_TCP_LISTEN = "0A"
_UDP_BOUND = "07"
_IP6_LOOPBACK = "00000000000000000000000001000000"
# ::ffff:0:0/96, IPv4 on a socket of IPv6.
_MAPPED = "0000000000000000FFFF0000"
PROC_NET_FILES = ("/proc/net/tcp", "/proc/net/tcp6", "/proc/net/udp", "/proc/net/udp6")


def taken_ports_argv(protocol: str) -> list[str]:
    # cat goes on after a file that is not there (IPv6 switched off).
    return ["cat", *(path for path in PROC_NET_FILES if protocol in path)]


@reading("cat /proc/net/…")
def parse_taken_ports(text: str, protocol: str) -> set[int]:
    """Return the local port numbers in listening (tcp) or bound (udp) state.

    Raises UnreadableAnswer.
    """
    wanted = _TCP_LISTEN if protocol == "tcp" else _UDP_BOUND
    ports = set()
    for line in text.splitlines():
        columns = line.split()
        if len(columns) > 3 and columns[0].endswith(":") and columns[3] == wanted:
            ports.add(int(columns[1].rsplit(":", 1)[1], 16))
    return ports


def connections_argv(pid: int) -> list[str]:
    """Print the TCP sockets in the network of a process on the node."""
    return ["cat", f"/proc/{pid}/net/tcp", f"/proc/{pid}/net/tcp6"]


def count_connections(text: str) -> int:
    """Return how many TCP connections are established."""
    rows = (line.split() for line in text.splitlines())
    return sum(len(row) > 3 and row[3] == _TCP_ESTABLISHED for row in rows)


@reading("cat /proc/PID/net/tcp")
def count_outward_connections(text: str) -> int:
    """Return how many of them lead out of the container's network. Raises UnreadableAnswer."""
    rows = (line.split() for line in text.splitlines())
    return sum(
        _leads_out(row[1].partition(":")[0], row[2].partition(":")[0])
        for row in rows
        if len(row) > 3 and row[3] == _TCP_ESTABLISHED
    )


def _leads_out(local: str, remote: str) -> bool:
    # Words of 32 bits in the host's order, little-endian wherever Podman runs CRIU.
    ip4 = remote[-8:] if len(remote) == 8 or remote.startswith(_MAPPED) else ""
    return remote != local and remote != _IP6_LOOPBACK and not ip4.endswith("7F")
