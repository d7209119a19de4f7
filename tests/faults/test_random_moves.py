"""Several containers wander back and forth, now and then struck, and none loses anything."""

from __future__ import annotations

import pytest

from tests.faults.cell import BACK, MOVED, UNKNOWN
from tests.faults.ground import Ground
from tests.faults.random_moves import Wanderings

pytestmark = [pytest.mark.integration, pytest.mark.lab]
SEED = 5
MOVES = 10


def test_ten_random_moves_lose_nothing(ground: Ground) -> None:
    wanderings = Wanderings(ground=ground, seed=SEED)
    wanderings.begin()

    for _ in range(MOVES):
        wanderings.move()

    assert sum(wanderings.tally[mark] for mark in (MOVED, BACK, UNKNOWN)) >= MOVES - 1
    assert wanderings.struck_by, "no fault struck"
    ground.wipe_hosts()
