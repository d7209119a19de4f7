"""The core of the fault matrix: whatever strikes, the container runs once, its memory intact."""

from __future__ import annotations

import pytest

from tests.faults.cell import BACK, MOVED, UNKNOWN
from tests.faults.ground import Ground
from tests.faults.keep import keep_evidence
from tests.faults.matrix import cells, try_cell

pytestmark = [pytest.mark.integration, pytest.mark.lab]
CORE = {
    "dumped/site-killed": MOVED,
    "transfer/site-killed": MOVED,
    "restored/site-killed": MOVED,
    "clean-up/site-killed": MOVED,
    "transfer/site-stopped": BACK,
    "restore/cancel": BACK,
    "transfer/source-cut-briefly": MOVED,
    "transfer/destination-cut-briefly": MOVED,
    "dumped/both-cut": UNKNOWN,
    "verify/destination-killed": UNKNOWN,
    "dumped/source-disk-full": BACK,
    "transfer/destination-disk-full": BACK,
    "transfer/catalog-disk-full": BACK,
    "restored/destination-podman-killed": BACK,
    "dumped/name-taken": BACK,
}


@pytest.mark.parametrize("cell", CORE)
def test_the_container_runs_once_and_every_word_is_true(ground: Ground, cell: str) -> None:
    ((moment, fault),) = cells([cell])

    outcome = try_cell(ground, moment, fault)

    if outcome.problems:
        outcome.problems.append(f"see {keep_evidence(ground, outcome)}")
        ground.set_right()
    assert outcome.problems == []
    assert outcome.mark == CORE[cell], outcome.ended
