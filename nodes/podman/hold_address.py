"""Hold back what is sent to a container's own address while the container is being restored.

Its fresh network answers before CRIU has put the sockets back, and resets the connection of whoever
is sending just then: 77 of 80 in four moves, and 0 of 80 with this (kernel 6.18, Podman 5.8.6). An
ingress chain of nftables' netdev family sees a packet before macvlan does, so it never gets there;
the sender's TCP sends it again. Three things end it, each without the site: the end of the restore;
a time limit in the kernel, should the shell around the restore be killed; a reboot.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Self

from nodes.podman.announce import SEND_WITH_PERL, SEND_WITH_PYTHON

# A set of which every element has run out matches nothing: the limit is the kernel's own.
_CHAIN = """\
    set ip4_{number} {{ type ipv4_addr; flags timeout; {ip4} }}
    set ip6_{number} {{ type ipv6_addr; flags timeout; {ip6} }}
    chain at_{number} {{
        type filter hook ingress device "{interface}" priority -500; policy accept;
        icmpv6 type {{ nd-neighbor-solicit, nd-neighbor-advert }} accept
        ip daddr @ip4_{number} drop
        ip6 daddr @ip6_{number} drop
    }}
"""
# $1 table, $2 its rules, $3 seconds, $4 a file for what went wrong, $5 the container, $6 the frames
# that announce it, $7 and $8 the programs that send them, $9 its IPv6 addresses as the kernel lists
# them; then the restore. A restore is worth more than a connection: what goes wrong here stops
# nothing. TERM is for the restore, and the time limit is kept twice: the elements run out in the
# kernel, and the table goes, too.
#
# An IPv6 address of a macvlan is tentative for a second (duplicate address detection), and CRIU
# cannot bind a socket to it: the restore fails, on either node (netavark 1.17, CRIU 4.2.1). So the
# container's fresh network may bind to what is not its address yet, until the restore has ended.
_AROUND = """
set -u
table=$1 rules=$2 limit_s=$3 notes=$4 container=$5 frames=$6 python=$7 perl=$8 ip6=$9
shift 9
bind=/proc/sys/net/ipv6/ip_nonlocal_bind
bind_early() {
  while sleep 0.01 && kill -0 $$; do
    for space in /run/netns/*; do
      case $before in *" $space "*) continue ;; esac
      for address in $ip6; do
        nsenter --net="$space" sh -c 'grep -q "^$1 " /proc/net/if_inet6 && echo 1 > "$2"' \\
          bind-early "$address" "$bind" && return
      done
    done
  done
}
announce() {
  pid=$(podman container inspect --format '{{.State.Pid}}' -- "$container")
  space=/proc/$pid/ns/net
  [ -z "$ip6" ] || nsenter --net="$space" sh -c 'echo 0 > "$1"' bind-late "$bind"
  nsenter --net="$space" "$@" $frames
}
tidy= early= restore=
if said=$(printf %s "$rules" | nft -f - 2>&1); then
  setsid sh -c 'sleep "$1"; nft delete table netdev "$2"' tidy "$limit_s" "$table" \\
    < /dev/null > /dev/null 2>&1 &
  tidy=$!
else
  echo "nothing was held back: $said" > "$notes"
fi
if [ -n "$ip6" ]; then
  before=" $(echo /run/netns/*) "
  bind_early < /dev/null > /dev/null 2>&1 &
  early=$!
fi
told=0
trap 'told=$((told + 1)); [ -z "$restore" ] || kill -TERM "$restore" 2> /dev/null' TERM
"$@" < /dev/null &
restore=$!
[ "$told" = 0 ] || kill -TERM "$restore"
# A signal ends the wait, not the restore; 127 is also what a second wait for the same says.
seen= status=127
while [ "$seen" != "$told" ]; do
  seen=$told
  wait "$restore"
  waited=$?
  [ "$waited" = 127 ] || status=$waited
done
[ -z "$early" ] || kill "$early" 2> /dev/null
if [ -n "$tidy" ]; then
  nft delete table netdev "$table" 2> /dev/null
  kill -- "-$tidy"
fi
[ "$status" = 0 ] || exit "$status"
if command -v python3 > /dev/null; then
  set -- python3 -c "$python"
elif command -v perl > /dev/null; then
  set -- perl -e "$perl"
else
  echo "its new place could not be announced: neither python3 nor perl is there" >> "$notes"
  set -- true
fi
announce "$@" < /dev/null > /dev/null 2>&1 &
exit 0
"""
# $1 the rules.
_CHECK = 'printf %s "$1" | nft -c -f -'
_NOTES_NAME = "held-address"
# $1 the table.
_RELEASE = """
command -v nft > /dev/null || exit 0
nft list table netdev "$1" > /dev/null 2>&1 || exit 0
nft delete table netdev "$1"
echo released
"""


@dataclass(frozen=True, kw_only=True)
class Hold:
    """What is held back on one node: addresses by the interface at which packets for them come.

    ``limit_s`` is for a restore that nobody sees the end of; ``frames`` announce the container, in
    hexadecimal.
    """

    addresses: Mapping[str, Sequence[str]]
    limit_s: int
    frames: Sequence[str] = ()

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> Self | None:
        """Return what ``as_dict`` made, None from nothing."""
        return cls(**values) if values else None

    def as_dict(self) -> dict[str, Any]:
        return {
            "addresses": {name: list(found) for name, found in self.addresses.items()},
            "limit_s": self.limit_s,
            "frames": list(self.frames),
        }

    def rules(self, table: str) -> str:
        """Return a file for `nft -f` that makes the table afresh, whatever it holds."""
        chains = "".join(
            _CHAIN.format(
                number=number,
                interface=interface,
                ip4=self._elements(addresses, version=4),
                ip6=self._elements(addresses, version=6),
            )
            for number, (interface, addresses) in enumerate(sorted(self.addresses.items()))
        )
        # Adding it first makes the deletion succeed in any case.
        begin = f"add table netdev {table}\ndelete table netdev {table}\n"
        return f"{begin}table netdev {table} {{\n{chains}}}\n"

    def _elements(self, addresses: Sequence[str], *, version: int) -> str:
        fitting = [address for address in addresses if ip_address(address).version == version]
        if not fitting:
            return ""
        listed = ", ".join(f"{address} timeout {self.limit_s}s" for address in fitting)
        return f"elements = {{ {listed} }}"

    def _ip6(self) -> list[str]:
        found = [ip_address(one) for listed in self.addresses.values() for one in listed]
        return [address.packed.hex() for address in found if address.version == 6]

    def around_argv(self, *, operation_id: int, folder: str, container: str) -> list[str]:
        """Return what is to be put before a restore's argv, to be run in the operation's folder."""
        table = table_of(operation_id)
        return [
            "sh", "-c", _AROUND, "hold-address", table, self.rules(table), str(self.limit_s),
            f"{folder}/{_NOTES_NAME}", container, " ".join(self.frames),
            SEND_WITH_PYTHON, SEND_WITH_PERL, " ".join(self._ip6()),
        ]  # fmt: skip


def table_of(operation_id: int) -> str:
    """Return the name of the operation's table on every node."""
    return f"ferry_{operation_id}"


def check_argv(hold: Hold) -> list[str]:
    """Have the kernel judge the rules, and do nothing of it (nft(8), -c)."""
    return ["sh", "-c", _CHECK, "check-hold", hold.rules("ferry_check")]


def release_argv(operation_id: int) -> list[str]:
    """Remove what a restore that was killed may have left; print whether there was anything."""
    return ["sh", "-c", _RELEASE, "release-address", table_of(operation_id)]


def notes_argv(folder: str) -> list[str]:
    """Print what went wrong around a restore; nothing and a failure when all went well."""
    return ["cat", "--", f"{folder}/{_NOTES_NAME}"]
