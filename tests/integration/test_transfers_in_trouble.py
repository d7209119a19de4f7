"""Links that are cut and receivers that stop, in the middle of a real migration."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from nodes.models import Operation, OperationState
from nodes.operations import leg
from nodes.operations.patience import PATIENCE
from tests.integration.site import (
    Site,
    all_containers,
    assert_rolled_back,
    assert_same_program,
    running,
    staging_is_gone,
)
from tests.lab import CounterReading, Host, full_check, wait_until_it_counts

pytestmark = [pytest.mark.integration, pytest.mark.lab]

MEMORY_MIB = 96
RATE = "200mbit"


@pytest.fixture(autouse=True)
def sent_bytes(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Count what each leg sends, be it for the first time or again."""
    sent: dict[str, int] = {}
    moved = leg.Leg.moved

    async def counted(self: leg.Leg, count: int) -> None:
        await moved(self, count)
        sent[self.name] = self.sent_bytes

    monkeypatch.setattr(leg.Leg, "moved", counted)
    return sent


@pytest.fixture
def big_counter(alder: Host, birch: Host) -> Iterator[CounterReading]:
    """Start a counter that takes seconds to bring over the shaped links."""
    birch.load_image("counter")
    alder.start_workload("counter", name="counter", memory_mib=MEMORY_MIB, port=8081)
    before = wait_until_it_counts(alder)
    for host in (alder, birch):
        host.shape(RATE)
    yield before
    for host in (alder, birch):
        host.unshape()


def half_way(operation: Operation) -> bool:
    transfer = next(phase for phase in operation.phases if phase["name"] == "transfer")
    return (transfer["bytes"] or 0) > MEMORY_MIB * 1024 * 1024 // 3


async def sha256_of(operation: Operation) -> str:
    await operation.arefresh_from_db()
    return str(operation.journal["archive_sha256"])


@pytest.mark.parametrize("end", ["alder", "birch"])
async def test_a_link_that_is_cut_for_a_moment_goes_on_at_its_offset(
    site: Site,
    alder: Host,
    birch: Host,
    big_counter: CounterReading,
    sent_bytes: dict[str, int],
    end: str,
) -> None:
    host = site.hosts[end]

    def cut(_: object) -> None:
        host.cut()
        host.stop_sshd(drop_sessions=True)
        time.sleep(2)
        host.mend()
        host.start_sshd()

    operation = await site.queue("counter", "alder", "birch", compress="none")
    operation = await site.run_while(operation, half_way, cut)

    assert operation.state == OperationState.SUCCEEDED, operation.error
    assert (running(alder), running(birch)) == ([], ["counter"])
    assert_same_program(big_counter, full_check(birch))
    size_bytes = operation.result["bytes"]
    assert max(sent_bytes.values()) < 1.3 * size_bytes
    said = "\n".join(await site.messages(operation))
    assert f"The link to {end} is lost" in said
    assert "goes on at" in said
    assert "long way" not in said
    assert operation.result["warnings"] == []
    assert staging_is_gone(alder)
    assert staging_is_gone(birch)


class Stopper:
    """Stop what receives on a host, once or as often as it is begun, until the end."""

    def __init__(self, host: Host, *, times: int) -> None:
        self.host = host
        self.times = times
        self.over = threading.Event()

    def __call__(self, _: object) -> None:
        self.host.run(["pkill", "-STOP", "-x", "dd"])
        if self.times > 1:
            threading.Thread(target=self._stop_again).start()

    def _stop_again(self) -> None:
        while not self.over.wait(0.1):
            self.host.run(["pkill", "-STOP", "-x", "dd"], check=False)

    def end(self) -> None:
        self.over.set()
        self.host.run(["pkill", "-KILL", "-x", "dd"], check=False)


@pytest.fixture
def stopper(birch: Host) -> Iterator[Callable[[int], Stopper]]:
    made: list[Stopper] = []

    def make(times: int) -> Stopper:
        made.append(Stopper(birch, times=times))
        return made[-1]

    yield make
    for each in made:
        each.end()


async def test_a_receiver_that_stands_still_is_taken_up_anew_and_goes_on(
    site: Site,
    alder: Host,
    birch: Host,
    big_counter: CounterReading,
    stopper: Callable[[int], Stopper],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(PATIENCE, "stalled_after_s", 4.0)
    operation = await site.queue("counter", "alder", "birch", compress="none")
    operation = await site.run_while(operation, half_way, stopper(1))
    assert operation.state == OperationState.SUCCEEDED, operation.error
    assert_same_program(big_counter, full_check(birch))
    assert "catalog → birch stands still" in "\n".join(await site.messages(operation))


async def test_a_receiver_that_stands_still_again_brings_the_container_back(
    site: Site,
    alder: Host,
    birch: Host,
    big_counter: CounterReading,
    stopper: Callable[[int], Stopper],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(PATIENCE, "stalled_after_s", 4.0)
    operation = await site.queue("counter", "alder", "birch", compress="none")
    operation = await site.run_while(operation, half_way, stopper(2))
    assert operation.state == OperationState.FAILED
    assert operation.error["code"] == "transfer_stalled", operation.error
    await assert_rolled_back(site, operation, before=big_counter)


async def test_a_byte_that_changes_on_the_destination_is_found_before_the_commit(
    site: Site, alder: Host, birch: Host, big_counter: CounterReading
) -> None:
    operation = await site.queue("counter", "alder", "birch", compress="none")

    def restoring(operation: Operation) -> bool:
        restore = next(phase for phase in operation.phases if phase["name"] == "restore")
        return restore["state"] == "running"

    def flip(_: object) -> None:
        path = f"/var/lib/ferry/{operation.pk}/archive"
        birch.shell(f"printf x | dd of={path} bs=1 seek=50000001 conv=notrunc status=none")

    operation = await site.run_while(operation, restoring, flip)
    assert operation.state == OperationState.FAILED
    assert operation.error["code"] == "transfer_failed", operation.error
    assert await sha256_of(operation) in operation.error["cause"]
    assert all_containers(birch) == []
    await assert_rolled_back(site, operation, before=big_counter)
