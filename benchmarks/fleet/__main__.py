"""Time the pages of a small and of a large fleet, and what open pages cost.

    python -m benchmarks.fleet [--nodes 200] [--containers 50] [--pages 100] [--archives 100000]

The nodes are simulated: real SSH servers in a process of their own, that answer as Podman does.
The site is a process of its own, as `make run` starts it; pages are asked for over HTTP and by
websockets. Ends in under six minutes; --archives 0 leaves the catalog out.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.fleet.report import print_report

SMALL = (2, 25)


def main() -> None:
    arguments = _arguments()
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"load of the machine before: {load}; {os.cpu_count()} processors", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        _set_up(Path(folder))
        # Only now: it has models.
        from benchmarks.fleet.measure import measure

        large = (arguments.nodes, arguments.containers)
        found = [
            asyncio.run(measure(Path(folder), nodes, containers, arguments.pages))
            for nodes, containers in (SMALL, large)
        ]
        print_report(found)
    if arguments.archives:
        print(f"\nThe catalog's page, {arguments.archives} archives", flush=True)
        rows = ["--rows", str(arguments.archives), "--rounds", "3"]
        subprocess.run([sys.executable, "-m", "benchmarks.catalog_list", *rows], check=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=200)
    parser.add_argument("--containers", type=int, default=50, help="on each node")
    parser.add_argument("--pages", type=int, default=100)
    parser.add_argument("--archives", type=int, default=100_000)
    return parser.parse_args()


def _set_up(folder: Path) -> None:
    import django
    from django.core.management import call_command

    os.environ["FERRY_DATA_DIR"] = str(folder)
    os.environ["FERRY_BACKGROUND"] = "false"
    os.environ["FERRY_LOG_LEVEL"] = "WARNING"
    os.environ["DJANGO_SETTINGS_MODULE"] = "migrationsite.settings"
    django.setup()
    call_command("migrate", verbosity=0)


if __name__ == "__main__":
    main()
