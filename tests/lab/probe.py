"""Look at a host from outside: what its port says, who may log in, how fast it is."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.lab.host import Host
from tests.lab.rootfs import PASSWORD

SPEED_BYTES = 48_000_000


def banner(host: Host) -> bytes:
    """Return how the host's sshd greets; OSError if it does not."""
    with socket.create_connection((host.address, host.port), timeout=1) as connection:
        return connection.recv(8)


def key_pair(folder: Path, host: Host) -> Path:
    """Make a key in a folder that also gets to know the host."""
    key = folder / "id_ed25519"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    (folder / "known_hosts").write_text(f"{host.address} {host.host_key}\n")
    return key


def key_login(host: Host, user: str, key: Path, *command: str) -> str:
    """Run a command over SSH by key and return what ssh printed, errors included."""
    login = ["-i", str(key), "-o", "BatchMode=yes"]
    return _ssh(host, user, *command, known=key.with_name("known_hosts"), login=login)


def password_login(host: Host, user: str, folder: Path, *command: str) -> str:
    """Run a command over SSH by password; the folder gets what ssh needs for that."""
    askpass = folder / "askpass"
    askpass.write_text(f"#!/bin/sh\necho {PASSWORD}\n")
    askpass.chmod(0o700)
    known = folder / "known_hosts"
    known.write_text(f"{host.address} {host.host_key}\n")
    login = ["-o", "PubkeyAuthentication=no", "-o", "NumberOfPasswordPrompts=1"]
    env = {"SSH_ASKPASS": str(askpass), "SSH_ASKPASS_REQUIRE": "force"}
    return _ssh(host, user, *command, known=known, login=login, **env)


def gbit_per_s(host: Host, gateway: str, direction: str) -> float:
    """Send some megabytes to or from the host and return how fast they went."""
    script = {
        "to": 'exec cat < "/dev/tcp/$1/$2" > /dev/null',
        "from": 'exec head -c "$3" /dev/zero > "/dev/tcp/$1/$2"',
    }[direction]
    with socket.create_server((gateway, 0)) as listener, ThreadPoolExecutor(1) as pool:
        listener.settimeout(10)
        port = str(listener.getsockname()[1])
        argv = ["bash", "-c", script, "bash", gateway, port, str(SPEED_BYTES)]
        transfer = pool.submit(host.run, argv)
        connection, _ = listener.accept()
        started = time.monotonic()
        with connection:
            if direction == "to":
                connection.sendall(bytes(SPEED_BYTES))
            else:
                while connection.recv(1 << 20):
                    pass
        transfer.result()
    return SPEED_BYTES * 8 / 1e9 / (time.monotonic() - started)


def _ssh(host: Host, user: str, *command: str, known: Path, login: list[str], **env: str) -> str:
    options = ["-F", "none", "-o", f"UserKnownHostsFile={known}", "-o", "StrictHostKeyChecking=yes"]
    argv = ["ssh", *options, *login, f"{user}@{host.address}", *command]
    run = subprocess.run(
        argv, env={**os.environ, **env}, capture_output=True, text=True, timeout=20, check=False
    )
    return run.stdout + run.stderr
