"""Run the real site in a process of its own, as `make run` does."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.lab import Host

ROOT = Path(__file__).resolve().parent.parent
START_S = 60.0
STOP_S = 60.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class ServedSite:
    """A site with its own data folder; ``environment`` adds to or overrides the settings."""

    data_dir: Path
    environment: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.data_dir / "serve.log"

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "serve"],
                cwd=ROOT,
                env=self.whole_environment(),
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.log.read_text()
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.1)
        self.stop()
        raise AssertionError(f"the site did not start: {self.log.read_text()}")

    def stop(self) -> None:
        """End it as a service manager would, letting operations roll back."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(STOP_S)
            self.process = None

    def kill(self) -> None:
        """End it as a power cut would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(STOP_S)
        self.process = None

    def manage(self, *arguments: str) -> str:
        """Run a management command on the same data and return what it prints."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env={**self.whole_environment(), "FERRY_BACKGROUND": "false"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def api(self, role: str = "admin") -> httpx.Client:
        """Return a client of the REST API with a fresh token of a user with this role."""
        token = self.manage("create_token", "--user", f"{role}-program", "--role", role).strip()
        return httpx.Client(
            base_url=f"{self.url}/api/v1",
            headers={"Authorization": f"Bearer {token}"},
            timeout=60,
        )

    def whole_environment(self) -> dict[str, str]:
        """Return what its processes get."""
        # What the tests' own settings and a developer's shell say is not for this site.
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("FERRY_", "DJANGO_"))
        }
        return {
            **inherited,
            "FERRY_DATA_DIR": str(self.data_dir),
            "FERRY_LISTEN": f"127.0.0.1:{self.port}",
            "FERRY_BACKGROUND": "true",
            **self.environment,
        }


def add_nodes(api: httpx.Client, *hosts: Host) -> None:
    """Let the site in on the hosts, and add them, confirming the key that each shows."""
    public_key = api.get("/site-key").json()["public_key"]
    for host in hosts:
        host.authorize(public_key)
        node = {"name": host.name, "host": host.address, "port": host.port, "user": "root"}
        asked = api.post("/nodes", json=node)
        assert asked.status_code == 409
        key = asked.json()["host_key"]["key"]
        assert key == " ".join(host.host_key.split()[:2])
        added = api.post("/nodes", json={**node, "host_key": key})
        assert (added.status_code, added.json()["state"]) == (201, "online"), added.text


def wait_for_operation(api: httpx.Client, operation_id: int, *, timeout_s: float = 120) -> Any:
    """Return the operation once it has ended."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        operation = api.get(f"/operations/{operation_id}").raise_for_status().json()
        if operation["state"] not in ("queued", "running"):
            return operation
        time.sleep(0.1)
    raise AssertionError(f"operation {operation_id} did not end: {operation}")


def wait_for_phase(
    api: httpx.Client, operation_id: int, name: str, *, timeout_s: float = 60
) -> None:
    """Wait until a phase has begun; it may have ended, too."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        operation = api.get(f"/operations/{operation_id}").json()
        states = {phase["name"]: phase["state"] for phase in operation["phases"]}
        if states[name] != "pending":
            return
        time.sleep(0.01)
    raise AssertionError(f"{name} did not begin")
