"""The SSH server of a host: its key, its processes, who may log in."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

from tests.lab.errors import LabError

if TYPE_CHECKING:
    from tests.lab.machine import Machine

PORT = 22
HOST_KEY = "etc/ssh/ssh_host_ed25519_key"
TIMEOUT_S = 15.0

# sshd writes its PID file itself; a session is a child of the listener until that ends. The
# connection is held by a child of the session's monitor, which outlives a monitor that is killed.
STOP = """
descendants() {
    for child in $(cat "/proc/$1/task/$1/children" 2>/dev/null); do
        echo "$child"
        descendants "$child"
    done
}
listener=$(cat /run/sshd.pid 2>/dev/null) || exit 0
sessions=$(descendants "$listener")
kill "$listener" 2>/dev/null || true
[ "$1" = sessions ] && [ -n "$sessions" ] && kill -9 $sessions 2>/dev/null
rm -f /run/sshd.pid
while kill -0 "$listener" 2>/dev/null; do sleep 0.02; done
"""
AUTHORIZE = """
set -eu
home=$(getent passwd "$1" | cut -d: -f6)
install -d -m 0700 -o "$1" -g "$1" "$home/.ssh"
keys=$home/.ssh/authorized_keys
touch "$keys"
grep -qxF "$2" "$keys" || printf '%s\\n' "$2" >> "$keys"
chmod 0600 "$keys"
chown "$1:$1" "$keys"
"""
DEAUTHORIZE = """
set -eu
rm -f "$(getent passwd "$1" | cut -d: -f6)/.ssh/authorized_keys"
"""


def start(host: Machine) -> None:
    """Start sshd unless it runs, and make the host's key if it has none."""
    host.shell(f'[ -s /{HOST_KEY} ] || ssh-keygen -q -t ed25519 -N "" -C "" -f /{HOST_KEY}')
    running = host.shell('kill -0 "$(cat /run/sshd.pid)" 2>/dev/null', check=False)
    if running.returncode != 0:
        host.run(["/usr/sbin/sshd"])


def stop(host: Machine, *, sessions: bool) -> None:
    """Stop the listener and, if told, the sessions with it."""
    host.shell(STOP, "sessions" if sessions else "listener")


def rotate_key(host: Machine) -> None:
    """Give the host another key and restart its sshd."""
    stop(host, sessions=False)
    host.shell(f"rm -f /{HOST_KEY} /{HOST_KEY}.pub")
    start(host)


def authorize(host: Machine, public_key: str, user: str) -> None:
    """Let a key log in."""
    host.shell(AUTHORIZE, user, public_key.strip())


def deauthorize(host: Machine, user: str) -> None:
    """Let no key log in any more."""
    host.shell(DEAUTHORIZE, user)


def wait_until_it_answers(address: str) -> None:
    """Wait until a server on the address says that it speaks SSH."""
    deadline = time.monotonic() + TIMEOUT_S
    while True:
        try:
            with socket.create_connection((address, PORT), timeout=1) as connection:
                if connection.recv(4) == b"SSH-":
                    return
        except OSError:
            pass
        if time.monotonic() > deadline:
            raise LabError(f"{address}: no sshd answers within {TIMEOUT_S} s")
        time.sleep(0.02)
