"""A private PostgreSQL in a folder of its own, on a port of the loopback."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import psycopg

from tests.servers.server import STOP_S, Server
from tests.serving import free_port

# Where Debian keeps the programs of each version.
_PROGRAMS = Path("/usr/lib/postgresql")
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "200",
    # Nothing of it outlives the tests.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
}


class Postgres(Server):
    user = "postgres"

    def __init__(self) -> None:
        super().__init__()
        self.port = free_port()

    def start(self) -> None:
        data = self.folder / "data"
        self.run([_program("initdb"), "--auth=trust", "--encoding=UTF8", "-N", "-D", f"{data}"])
        values = {
            **_SETTINGS,
            "port": str(self.port),
            "unix_socket_directories": str(self.folder),
        }
        settings = [f"--{name}={value}" for name, value in values.items()]
        self._argv = [_program("postgres"), "-D", f"{data}", *settings]
        self.launch(self._argv, self._answers)

    def restart(self, *, away_for_s: float) -> None:
        """Take it away from everybody for a while."""
        assert self.process is not None
        self.end(self.process)
        time.sleep(away_for_s)
        self.launch(self._argv, self._answers)

    def create_database(self, name: str) -> str:
        """Make an empty database and return its DATABASE_URL."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(_quoted(name)))
        return self.url(name)

    def drop_database(self, name: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            command = psycopg.sql.SQL("DROP DATABASE {} WITH (FORCE)").format(_quoted(name))
            connection.execute(command)

    def url(self, database: str) -> str:
        return f"postgres://postgres@127.0.0.1:{self.port}/{database}"

    def end(self, process: subprocess.Popen[bytes]) -> None:
        # "Fast": it does not wait for whoever is still connected.
        process.send_signal(signal.SIGINT)
        process.wait(STOP_S)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url("postgres")).close()
        except psycopg.OperationalError:
            return False
        return True


def _program(name: str) -> str:
    versions = sorted(_PROGRAMS.glob(f"*/bin/{name}"), key=lambda path: float(path.parts[-3]))
    assert versions, "PostgreSQL is missing: tests/servers/install"
    return str(versions[-1])


def _quoted(name: str) -> psycopg.sql.Identifier:
    return psycopg.sql.Identifier(name)
