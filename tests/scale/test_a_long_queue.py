"""Two workers, many queued migrations, one worker killed half-way: all end, each exactly once."""

from __future__ import annotations

import os
import time
from collections import Counter
from typing import Any

import httpx
import pytest

from tests.integration.site import all_containers, programs
from tests.lab import Host
from tests.scale.containers import (
    ask_to_migrate,
    assert_runs_once,
    refresh,
    restores,
    start_counters,
)
from tests.scale.site import ManyProcesses

pytestmark = [pytest.mark.integration, pytest.mark.lab]
# `make queue` asks for 50.
MIGRATIONS = int(os.environ.get("FERRY_QUEUED_MIGRATIONS", "20"))
NAMES = [f"counter-{number}" for number in range(10)]
TIMEOUT_S = 1200
_ENDED = ("succeeded", "failed", "cancelled", "unknown")


class Queue:
    """Queue a container's next move as soon as the one before has ended: only one may wait."""

    def __init__(self, api: httpx.Client) -> None:
        self.api = api
        self.place = dict.fromkeys(NAMES, "alder")
        # The move that each container waits for or is in.
        self.moves: dict[str, int] = {}
        self.operations: dict[int, dict[str, Any]] = {}
        self.queued = 0

    @property
    def ended(self) -> int:
        return len(self.operations)

    def turn(self) -> None:
        """Note what has ended, and queue what may be."""
        self._note_ends()
        free = [name for name in NAMES if name not in self.moves]
        for name in free[: MIGRATIONS - self.queued]:
            there = "birch" if self.place[name] == "alder" else "alder"
            answer = ask_to_migrate(self.api, name, self.place[name], there)
            if answer.status_code == 404:
                # The site has not seen yet that it came here.
                refresh(self.api)
                continue
            assert answer.status_code == 202, answer.text
            self.moves[name] = answer.json()["id"]
            self.queued += 1

    def _note_ends(self) -> None:
        for name, operation_id in list(self.moves.items()):
            operation = self.api.get(f"/operations/{operation_id}").raise_for_status().json()
            if operation["state"] in _ENDED:
                self.operations[operation_id] = operation
                del self.moves[name]
                if operation["state"] == "succeeded":
                    self.place[name] = operation["destination_name"]


def test_all_of_a_long_queue_end_and_each_once(
    many: ManyProcesses,
    api: httpx.Client,
    alder: Host,
    birch: Host,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = start_counters(alder, NAMES, 4)
    refresh(api)
    queue = Queue(api)
    began, killed_at = time.monotonic(), 0.0
    while queue.ended < MIGRATIONS:
        assert time.monotonic() - began < TIMEOUT_S, many.logs()
        queue.turn()
        if queue.ended >= MIGRATIONS // 2 and not killed_at:
            many.worker_of(next(iter(queue.moves.values()))).kill()
            killed_at = time.monotonic() - began
        time.sleep(0.2)
    took_s = time.monotonic() - began

    states = Counter(operation["state"] for operation in queue.operations.values())
    with capsys.disabled():
        print(
            f"\n{MIGRATIONS} migrations of {len(NAMES)} containers by two workers, one of them "
            f"killed after {killed_at:.0f} s: {dict(states)} in {took_s:.0f} s"
        )
    assert states == {"succeeded": MIGRATIONS}
    # One begun by the killed worker was taken up; none was begun twice.
    attempts = many.rows("SELECT attempts FROM nodes_operation WHERE kind = 'migrate'")
    taken_up = sum(number - 1 for (number,) in attempts)
    assert 1 <= taken_up <= 8
    for name in NAMES:
        assert_runs_once(name, before[name], [alder, birch])
    assert programs(alder) + programs(birch) == len(NAMES)
    assert len(all_containers(alder) + all_containers(birch)) == len(NAMES)
    moves = Counter(operation["container"] for operation in queue.operations.values())
    assert {name: restores(alder, name) + restores(birch, name) for name in NAMES} == moves
