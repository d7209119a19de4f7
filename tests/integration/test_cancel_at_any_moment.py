"""However few milliseconds after a step was sent the cancel comes, one copy runs, on the source.

The step runs detached on its node: a cancel that falls between its sending and its first sign of
life must not let it start later, unseen, a second copy.
"""

from __future__ import annotations

import asyncio

import pytest

from nodes.models import OperationState
from nodes.operations.checkpoint import STEP_NAME as CHECKPOINT
from nodes.operations.restore import STEP_NAME as RESTORE
from nodes.operations.restore import UNPACKED_STEP_NAME as RESTORE_UNPACKED
from tests.integration.cancel_after import CancelAfter
from tests.integration.site import (
    Site,
    all_containers,
    assert_same_program,
    programs,
    running,
    staging_is_gone,
    volumes,
)
from tests.lab import CounterReading, Host, full_check, wait_until_it_counts

pytestmark = [pytest.mark.integration, pytest.mark.lab]

MOMENTS_MS = [0, 2, 5, 13]
LATE_S = 3.0


def assert_only_on_alder(alder: Host, birch: Host, before: CounterReading) -> None:
    assert (running(alder), all_containers(birch)) == (["counter"], [])
    assert (programs(alder), programs(birch)) == (1, 0)
    assert_same_program(before, full_check(alder))
    assert volumes(birch) == []


@pytest.mark.parametrize("moment_ms", MOMENTS_MS)
@pytest.mark.parametrize(
    "steps",
    [{CHECKPOINT}, {RESTORE_UNPACKED, RESTORE}],
    ids=["checkpoint", "restore"],
)
async def test_a_cancel_right_after_a_step_was_sent_leaves_one_copy_on_the_source(
    site: Site,
    alder: Host,
    birch: Host,
    counter: str,
    monkeypatch: pytest.MonkeyPatch,
    steps: set[str],
    moment_ms: int,
) -> None:
    before = wait_until_it_counts(alder)
    operation = await site.queue("counter", "alder", "birch")
    cancel = CancelAfter(monkeypatch, steps, moment_ms)

    await cancel.run(operation.pk)

    assert cancel.cancelled_in in steps
    await operation.arefresh_from_db()
    assert operation.state == OperationState.CANCELLED, operation.error
    assert_only_on_alder(alder, birch, before)
    await asyncio.sleep(LATE_S)
    assert_only_on_alder(alder, birch, before)
    assert staging_is_gone(alder)
    assert staging_is_gone(birch)


@pytest.mark.parametrize("moment_ms", [0, 8])
async def test_a_cancel_right_after_the_long_restore_was_sent_leaves_one_copy_on_the_source(
    site: Site,
    alder: Host,
    birch: Host,
    counter: str,
    monkeypatch: pytest.MonkeyPatch,
    moment_ms: int,
) -> None:
    monkeypatch.setattr("nodes.operations.migrate.plan_unpack_ahead", lambda host, plan: None)
    before = wait_until_it_counts(alder)
    operation = await site.queue("counter", "alder", "birch")
    cancel = CancelAfter(monkeypatch, {RESTORE}, moment_ms)

    await cancel.run(operation.pk)

    assert cancel.cancelled_in == RESTORE
    assert_only_on_alder(alder, birch, before)
    await asyncio.sleep(LATE_S)
    assert_only_on_alder(alder, birch, before)
