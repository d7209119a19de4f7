"""A host of a large fleet: real SSH, many containers, and events when one stops or starts."""

from __future__ import annotations

import hashlib
import json
import shlex
import time
from contextlib import suppress
from typing import Any

import asyncssh

from tests.fake_host import FakeHost, ServerLoop

_AN_HOUR_S = 3600
_PUBLISHED = 8000


class SimulatedHost(FakeHost):
    """Answer as FakeHost does, but for the containers, which it makes up."""

    def __init__(self, loop: ServerLoop, name: str, containers: int) -> None:
        super().__init__(loop)
        self.name = name
        self._simulated_loop = loop
        self._listening: list[asyncssh.SSHServerProcess[str]] = []
        self._rows = [_row(name, number) for number in range(containers)]
        self._write_rows()

    def flip(self, number: int) -> str:
        """Stop or start a container, tell it as an event, and return its state."""
        return self._simulated_loop.run(self._flip(number))

    async def _flip(self, number: int) -> str:
        row = self._rows[number]
        stopped = row["State"] == "running"
        row.update(
            State="exited" if stopped else "running",
            Exited=stopped,
            StartedAt=row["StartedAt"] if stopped else int(time.time()),
        )
        self._write_rows()
        event = {
            "Type": "container", "Status": "died" if stopped else "start",
            "ID": row["Id"], "Name": row["Names"][0], "time": int(time.time()),
        }  # fmt: skip
        for process in self._listening:
            with suppress(OSError, asyncssh.Error):
                process.stdout.write(json.dumps(event) + "\n")
        return str(row["State"])

    def _write_rows(self) -> None:
        self.answers["podman ps"] = (json.dumps(self._rows), "", 0)

    def _answer(self, process: asyncssh.SSHServerProcess[str]) -> None:
        argv = shlex.split(process.command or "")
        if argv[:2] == ["podman", "events"]:
            self.commands.append(argv)
            self._listening.append(process)
            return
        super()._answer(process)


def _row(host: str, number: int) -> dict[str, Any]:
    """Return what `podman ps --format json` says of one; the later ones run for longer."""
    began = int(time.time()) - _AN_HOUR_S * (1 + number * 5)
    runs = number % 5 != 4
    return {
        "AutoRemove": False,
        "Command": ["serve", "--port", "8080", "--config", "/etc/service.yaml"],
        "Exited": not runs,
        "ExitCode": 0,
        "Id": hashlib.sha256(f"{host}/{number}".encode()).hexdigest(),
        "Image": f"registry.example/shop/service-{number % 12}:2026.11",
        "ImageID": hashlib.sha256(str(number % 12).encode()).hexdigest(),
        "IsInfra": False,
        "Labels": {"io.podman.compose.project": "shop", "tier": f"tier-{number % 3}"},
        "Mounts": ["/var/lib/service"],
        "Names": [f"service-{number:02}-{host}"],
        "Networks": ["podman"],
        "Pid": 1000 + number if runs else 0,
        "Pod": "",
        "PodName": "",
        "Ports": [
            {
                "host_ip": "", "container_port": 8080, "host_port": _PUBLISHED + number,
                "range": 1, "protocol": "tcp",
            }
        ],
        "Restarts": 0,
        "StartedAt": began,
        "State": "running" if runs else "exited",
        "Status": "Up 5 hours" if runs else "Exited (0) 2 hours ago",
        "Created": began - 60,
    }  # fmt: skip
