"""A batch's turn and a person begin something at once on the same nodes, the other way round.

A program of its own, for its database is another one than that of the tests; it prints what came
of both. The person begins when the batch's first item has its operation, and not yet its second.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.db.models.signals import post_save  # noqa: E402

from nodes.models import Container, Node, Operation  # noqa: E402
from nodes.operations.batch_turn import turn  # noqa: E402
from nodes.operations.start import start_migration  # noqa: E402
from nodes.podman.options import MigrationOptions  # noqa: E402
from tests.factories import make_batch, make_container, make_node  # noqa: E402

# Until the person has asked for the nodes and waits for one of them.
ASKED_AFTER_S = 1.0
_BEGUN = threading.Event()


def main() -> None:
    call_command("migrate", verbosity=0)
    alder, birch, cedar = (make_node(name) for name in ("alder", "birch", "cedar"))
    first, second = (make_container(alder, name, podman_id=name * 64) for name in "ab")
    other = make_container(birch, "c", podman_id="c" * 64)
    batch = make_batch([first], cedar, parallelism=2)
    batch.items.create(
        container_podman_id=second.podman_id,
        container_name=second.name,
        source=alder,
        source_name=alder.name,
        destination=birch,
        destination_name=birch.name,
    )
    post_save.connect(_linger, sender=Operation)
    both = [_thread(turn), _thread(lambda: _start_once_begun(other, cedar))]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    print(json.dumps(sorted(Operation.objects.values_list("container_name", flat=True))))


def _linger(instance: Operation, created: bool, **told: Any) -> None:
    if created and not _BEGUN.is_set():
        _BEGUN.set()
        threading.Event().wait(ASKED_AFTER_S)


def _start_once_begun(container: Container, destination: Node) -> None:
    _BEGUN.wait(10)
    start_migration(None, container, destination, MigrationOptions())


def _thread(work: Callable[[], object]) -> threading.Thread:
    def run() -> None:
        try:
            work()
        finally:
            connection.close()

    return threading.Thread(target=run)


if __name__ == "__main__":
    main()
