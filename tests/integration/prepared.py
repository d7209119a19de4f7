"""What a preparation leaves on a host, and how far its package manager is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from tests.integration.site import (
    WAIT_S,
)
from tests.lab import Host

CONFIGURATION = "/etc/containers/containers.conf"


def write(host: Host, path: str, text: str) -> None:
    host.path(path).write_bytes(text.encode())


def read(host: Host, path: str) -> str:
    return host.path(path).read_bytes().decode()


def podman_uses(host: Host) -> tuple[str, str]:
    asked = ["podman", "info", "--format", "{{.Host.OCIRuntime.Name}} {{.Host.CgroupManager}}"]
    runtime, manager = host.run(asked).stdout.split()
    return runtime, manager


def packages_are_whole(host: Host) -> bool:
    """Tell that dpkg knows of no package that is half installed."""
    return host.run(["dpkg", "--audit"]).stdout == ""


def dpkg_is_at_work(host: Host) -> bool:
    """Tell that packages are being unpacked; apt-get only asks dpkg something at other times."""
    at_work = "^(/usr/bin/)?dpkg .*--(unpack|configure)"
    return host.run(["pgrep", "-f", at_work], check=False).returncode == 0


def package_manager_runs(host: Host) -> bool:
    """Tell it of all of it: dpkg itself comes and goes while apt-get installs."""
    return host.run(["pgrep", "-x", "apt-get|dpkg"], check=False).returncode == 0


async def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not await asyncio.to_thread(condition):
        assert time.monotonic() < deadline, f"not within {WAIT_S} s"
        await asyncio.sleep(0.05)
