"""Run a command on a private PostgreSQL: python -m tests.servers -- pytest tests/web."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.servers import Postgres


def main(argv: list[str]) -> int:
    command = argv[argv.index("--") + 1 :]
    server = Postgres()
    try:
        server.start()
        environment = {**os.environ, "DATABASE_URL": server.create_database("ferry")}
        return subprocess.run(command, env=environment, check=False).returncode
    finally:
        server.stop()


if __name__ == "__main__":
    sys.exit(main(sys.argv))
