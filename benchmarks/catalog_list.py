"""Time the pages of a catalog of 100 000 archives, from the request to the whole answer.

    python -m benchmarks.catalog_list [--rows 100000] [--rounds 5]

The rows are made anew in a database of their own, with tags and with facts as large as those of
real hosts. Each figure is the median of the rounds, for a whole page of 50 rows.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import re
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

NODES = 20
CONTAINERS = 2_000
TAGS = 12
BATCH_ROWS = 2_000
GIB = 1024**3
PAGES = {
    "first page": "",
    "last page": "page=999999",
    "page in the middle": "page=1000",
    "by name": "sort=name",
    "by memory": "sort=-memory",
    "by memory, last page": "sort=-memory&page=999999",
    "of one node": "node=node-3",
    "with a tag, the largest first": "tag=tag-3&sort=-size",
    "over 1 GiB, of the last week": "size=1GiB&age=7d",
    "pinned": "pinned=yes",
    "uploaded: none": "origin=upload",
    "free text, in many rows": "q=svc-1",
    "free text, in few rows": "q=svc-1234",
    "free text, in no row": "q=nowhere",
    "everything at once": "q=svc&node=node-3&tag=tag-3&size=1GiB&sort=name",
}


def main() -> None:
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as folder:
        _set_up(Path(folder))
        started = time.perf_counter()
        fill(arguments.rows)
        print(f"{arguments.rows} rows made in {time.perf_counter() - started:.0f} s")
        browser = _signed_in()
        for name, query in PAGES.items():
            found, milliseconds = _time(browser, query, arguments.rounds)
            print(f"{name:32} {milliseconds:7.1f} ms   {found:7} found")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    return parser.parse_args()


def _set_up(folder: Path) -> None:
    import django
    from django.core.management import call_command

    os.environ["FERRY_DATA_DIR"] = str(folder)
    os.environ["FERRY_BACKGROUND"] = "false"
    os.environ["DJANGO_SETTINGS_MODULE"] = "migrationsite.settings"
    django.setup()
    call_command("migrate", verbosity=0)


def fill(count: int) -> None:
    """Make nodes, tags and archives, the same ones every time."""
    from nodes.models import Archive, Node, Tag

    chance = random.Random(1)
    nodes = [
        Node.objects.create(name=f"node-{number}", host="127.0.0.1", host_key=f"key {number}")
        for number in range(NODES)
    ]
    tags = [Tag.objects.create(name=f"tag-{number}") for number in range(TAGS)]
    tagged = Archive.tags.through
    for start in range(0, count, BATCH_ROWS):
        numbers = range(start, min(start + BATCH_ROWS, count))
        made = Archive.objects.bulk_create(
            Archive(**_archive(number, chance, nodes)) for number in numbers
        )
        tagged.objects.bulk_create(
            tagged(archive_id=archive.pk, tag_id=chance.choice(tags).pk) for archive in made[::3]
        )
    _spread_over_time()


def _archive(number: int, chance: random.Random, nodes: list[Any]) -> dict[str, Any]:
    node = chance.choice(nodes)
    container = f"svc-{chance.randrange(CONTAINERS)}"
    return {
        "name": f"{container}-{number}",
        "key": f"{number:032x}",
        "sha256": hashlib.sha256(str(number).encode()).hexdigest(),
        "size_bytes": chance.randrange(GIB // 100, 8 * GIB),
        "memory_bytes": chance.randrange(GIB // 100, 8 * GIB),
        "compression": "zstd",
        "container_name": container,
        "container_podman_id": hashlib.sha256(container.encode()).hexdigest(),
        "image": f"registry.example/app/{container}:v{chance.randrange(9)}",
        "image_id": "b" * 64,
        "node": node,
        "node_name": node.name,
        "pinned": chance.random() < 0.01,
        "note": "before the upgrade" if chance.random() < 0.01 else "",
        "options": {"leave_running": True, "tcp_established": True},
        "versions": {
            "podman": "5.8.6",
            "criu": "4.2.1",
            "kernel": "6.12.57",
            "cpu_flags": [f"flag-{flag}" for flag in range(100)],
        },
    }


def _spread_over_time() -> None:
    """Let the newest be of now, and each other one ten minutes older than the next."""
    from django.db import connection

    # What bulk_create writes is always the present time; a statement for each row takes minutes.
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE nodes_archive SET created_at = datetime('now', '-' || "
            "(10 * ((SELECT max(id) FROM nodes_archive) - id)) || ' minutes')"
        )


def _signed_in() -> Any:
    from django.contrib.auth.models import User
    from django.test import Client

    # The name under which the site answers by default.
    browser = Client(headers={"host": "localhost"})
    browser.force_login(User.objects.create_superuser("bench"))
    return browser


def _time(browser: Any, query: str, rounds: int) -> tuple[int, float]:
    seconds = []
    for _ in range(rounds + 1):
        started = time.perf_counter()
        response = browser.get(f"/archives/?{query}")
        seconds.append(time.perf_counter() - started)
        assert response.status_code == 200, response.status_code
    # The first one loads the templates.
    found = re.search(r"([0-9]+) archives?\b", response.content.decode())
    return int(found[1]) if found else 0, statistics.median(seconds[1:]) * 1000


if __name__ == "__main__":
    main()
