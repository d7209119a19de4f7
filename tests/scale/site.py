"""A site in many processes: two that serve, two workers, one database, one Redis."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from tests.serving import ROOT, START_S, STOP_S, ServedSite


@dataclass
class Worker:
    """One `manage.py worker`, with the environment of a process that serves."""

    name: str
    web: ServedSite
    process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        return self.web.data_dir / f"{self.name}.log"

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "worker"],
                cwd=ROOT,
                env=self.web.whole_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_S
        while f":{self.pid}:" not in _ready_lines(self.log):
            assert self.process is not None
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.1)

    def stop(self) -> None:
        """End it as a service manager would."""
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


def _ready_lines(log: Path) -> str:
    lines = log.read_text().splitlines() if log.exists() else []
    return "\n".join(line for line in lines if line.endswith("is ready"))


@dataclass
class ManyProcesses:
    """All processes of one site; the first of ``webs`` answers the API's calls of the tests."""

    database_url: str
    webs: list[ServedSite]
    workers: list[Worker] = field(default_factory=list)

    def start_what_ended(self) -> None:
        """Start the workers that a test stopped or killed."""
        ended = [worker for worker in self.workers if worker.process is None]
        for worker in ended:
            worker.start()
        for worker in ended:
            worker.wait_until_ready()

    def rows(self, query: str, *values: Any) -> list[Any]:
        """Ask the database itself."""
        with psycopg.connect(self.database_url) as connection:
            return connection.execute(query, values).fetchall()

    def worker_of(self, operation_id: int, *, timeout_s: float = 30) -> Worker:
        """Return the worker that runs the operation, once one does."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            [(name,)] = self.rows("SELECT worker FROM nodes_operation WHERE id = %s", operation_id)
            for worker in self.workers:
                if worker.process is not None and f":{worker.pid}:" in name:
                    return worker
            time.sleep(0.05)
        raise AssertionError(f"no worker runs operation {operation_id}: {self.logs()}")

    def holder_of(self, lease: str) -> Worker | None:
        """Return the worker that holds a lease which has not expired."""
        query = "SELECT holder FROM nodes_lease WHERE name = %s AND expires_at > now()"
        holders = [name for (name,) in self.rows(query, lease)]
        alive = [worker for worker in self.workers if worker.process is not None]
        return next(
            (worker for worker in alive for name in holders if f":{worker.pid}:" in name), None
        )

    def other_than(self, worker: Worker) -> Worker:
        return next(other for other in self.workers if other is not worker)

    def logs(self) -> str:
        files = sorted({self.webs[0].data_dir / "serve.log", *(each.log for each in self.workers)})
        return "\n".join(f"--- {file.name}\n{file.read_text()[-8000:]}" for file in files)


def signed_in_at(web: ServedSite, username: str, *, role: str = "viewer") -> str:
    """Return the cookie of a user with this role who has signed in."""
    web.manage("create_token", "--user", username, "--role", role)
    code = (
        "from django.contrib.auth.models import User; "
        "from django.test import Client; "
        "client = Client(); "
        f"client.force_login(User.objects.get(username={username!r}), "
        "'django.contrib.auth.backends.ModelBackend'); "
        "print(client.cookies['sessionid'].value)"
    )
    return f"sessionid={web.manage('shell', '--command', code).split()[-1]}"


@contextmanager
def many_processes(
    data_dir: Path, environment: dict[str, str], *, webs: int = 2, workers: int = 2
) -> Iterator[ManyProcesses]:
    """Start all, wait until they are ready, and stop them at the end."""
    served = [ServedSite(data_dir, environment) for _ in range(webs)]
    names = [f"worker-{number + 1}" for number in range(workers)]
    site = ManyProcesses(
        environment["DATABASE_URL"], served, [Worker(name, served[0]) for name in names]
    )
    try:
        for worker in site.workers:
            worker.start()
        for web in site.webs:
            web.start()
        for worker in site.workers:
            worker.wait_until_ready()
        yield site
    finally:
        for process in (*site.workers, *site.webs):
            process.stop()
