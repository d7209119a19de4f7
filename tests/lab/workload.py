"""Containers worth moving, each started by one word."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.lab import images
from tests.lab.errors import LabError

if TYPE_CHECKING:
    from tests.lab.host import Host

PORT_INSIDE = 8080
# In a folder to mount from the host, so that two containers can meet there.
SOCKET = "/data/socket"
FAREWELL = "/data/leave"

WEB = """
echo "changed by web" > /changed-at-start
[ -e /www/index.html ] || echo "hello from web" > /www/index.html
exec httpd -f -v -p 8080 -h /www
"""
TREE = """
for branch in 1 2 3; do
    sh -c 'sleep 1000000 & while :; do sleep 1; done' &
done
tick=0
while :; do tick=$((tick + 1)); echo "tree=$tick"; sleep 1; done
"""


@dataclass(frozen=True)
class Wish:
    """What a workload may be asked for; a kind ignores what does not concern it."""

    memory_mib: int
    tick_ms: int
    port: int | None
    size_bytes: int


@dataclass(frozen=True)
class Kind:
    """An image, the volume's folder in it, and the command to run."""

    image: str
    command: Callable[[Wish], list[str]]
    volume: str | None = None


KINDS = {
    "counter": Kind(
        "counter",
        lambda wish: ["counter", str(wish.memory_mib), str(wish.tick_ms), str(PORT_INSIDE)],
        volume="/data",
    ),
    "web": Kind("busybox", lambda wish: ["sh", "-c", WEB], volume="/www"),
    "tree": Kind("busybox", lambda wish: ["sh", "-c", TREE]),
    "sleep": Kind("busybox", lambda wish: ["sleep", "1000000"]),
    "echo": Kind("echoer", lambda wish: ["echoer", str(PORT_INSIDE)]),
    "tcp": Kind("holder", lambda wish: ["holder", "tcp"]),
    "lock": Kind("holder", lambda wish: ["holder", "lock"]),
    "ghost": Kind("holder", lambda wish: ["holder", "ghost", str(wish.size_bytes)]),
    "unix-server": Kind("holder", lambda wish: ["holder", "unix-server", SOCKET]),
    "unix-client": Kind("holder", lambda wish: ["holder", "unix-client", SOCKET]),
    "guest": Kind("holder", lambda wish: ["holder", "guest", FAREWELL]),
}


def start(
    host: Host,
    kind_name: str,
    wish: Wish,
    *,
    name: str,
    image: str | None,
    options: Sequence[str],
) -> str:
    """Start a container and return its ID, loading its image if none is named."""
    if kind_name not in KINDS:
        raise LabError(f"no workload is called {kind_name!r}: choose from {', '.join(KINDS)}")
    kind = KINDS[kind_name]
    if image is None:
        images.load(host, kind.image)
        image = images.reference(kind.image)
    argv = ["podman", "run", "--detach", "--pull", "never", "--name", name]
    if kind.volume is not None:
        argv += ["--volume", f"{name}-data:{kind.volume}"]
    if wish.port is not None:
        argv += ["--publish", f"{wish.port}:{PORT_INSIDE}"]
    if kind.image == "busybox":
        # A shell as PID 1 ignores SIGTERM, which makes every stop wait 10 s.
        argv += ["--stop-signal", "SIGKILL"]
    return host.run([*argv, *options, image, *kind.command(wish)]).stdout.strip()
