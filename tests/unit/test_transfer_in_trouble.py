"""A leg that is lost goes on at its offset, one that stands still is taken up anew, once."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

import pytest

from nodes.catalog.store import IncomingFile, Store
from nodes.operations import leg
from nodes.operations.delivery import Delivery
from nodes.operations.errors import TransferStalled
from nodes.operations.patience import PATIENCE
from nodes.operations.receipt import Receipt
from nodes.operations.remote_hash import require_hash
from nodes.ssh.key_pair import KeyPair
from nodes.ssh.session import NodeSession
from tests.unit.ssh_server import SshServer
from tests.unit.told import Told

MIB = 1024 * 1024
CONTENT = os.urandom(24 * MIB)
# Slower than that nothing is: 24 MiB in pieces, as a link of 40 MiB/s brings them.
PIECE_BYTES = MIB
PIECE_EVERY_S = 0.025


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PATIENCE, "stalled_after_s", 0.6)
    monkeypatch.setattr(leg, "LOOK_EVERY_S", 0.1)


@pytest.fixture
def node(server: SshServer, key_pair: KeyPair) -> Iterator[NodeSession]:
    session = NodeSession(server.address(), key_pair.private_key)
    yield session
    session.close()


@pytest.fixture
def incoming(tmp_path: Path) -> Iterator[IncomingFile]:
    incoming = Store(tmp_path / "catalog").receive()
    yield incoming
    incoming.discard()


@pytest.fixture
def arrived(tmp_path: Path) -> Path:
    (tmp_path / "birch").mkdir()
    return tmp_path / "birch" / "archive"


def delivery_of(node: NodeSession, incoming: IncomingFile, path: Path) -> Delivery:
    told = Told()
    return Delivery(
        destination=node,
        path=PurePosixPath(path),
        cargo=incoming,
        report=told,  # type: ignore[arg-type]
        phase=told,
        total_bytes=lambda: len(CONTENT),
    )


def receipt_of(node: NodeSession, incoming: IncomingFile, path: Path) -> Receipt:
    told = Told()
    return Receipt(
        source=node,
        path=PurePosixPath(path),
        incoming=incoming,
        report=told,  # type: ignore[arg-type]
        phase=told,
    )


def lines_of(part: Delivery | Receipt) -> list[str]:
    assert isinstance(part.report, Told)
    return part.report.lines


async def grow(write: Callable[[bytes], object]) -> None:
    for start in range(0, len(CONTENT), PIECE_BYTES):
        done = write(CONTENT[start : start + PIECE_BYTES])
        if asyncio.iscoroutine(done):
            await done
        await asyncio.sleep(PIECE_EVERY_S)


async def grow_in_catalog(incoming: IncomingFile) -> None:
    await grow(incoming.write)
    await incoming.end()


async def until(ready: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not ready():
            await asyncio.sleep(0.005)


def size_of(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def processes(*words: str) -> list[int]:
    """Return the PIDs of the processes whose command line holds the words."""
    found = subprocess.run(["pgrep", "-f", "--", ".*".join(words)], capture_output=True, text=True)
    return [int(pid) for pid in found.stdout.split()]


def stop(*words: str) -> list[int]:
    pids = processes(*words)
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    return pids


def end(pids: list[int]) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


async def test_a_delivery_that_is_cut_goes_on_at_its_offset(
    server: SshServer, node: NodeSession, incoming: IncomingFile, arrived: Path
) -> None:
    delivery = delivery_of(node, incoming, arrived)
    growing = asyncio.create_task(grow_in_catalog(incoming))
    delivering = asyncio.create_task(delivery.deliver())
    await until(lambda: size_of(arrived) > len(CONTENT) // 2)
    server.cut()
    await asyncio.gather(growing, delivering)
    assert arrived.read_bytes() == CONTENT
    assert delivery.leg.sent_bytes < 1.3 * len(CONTENT)
    await require_hash(node, delivery.path, hashlib.sha256(CONTENT).hexdigest())
    assert any("The link to alder is lost" in line for line in lines_of(delivery))
    assert any("goes on at" in line for line in lines_of(delivery))


async def test_a_receipt_that_is_cut_goes_on_at_its_offset(
    server: SshServer, node: NodeSession, incoming: IncomingFile, arrived: Path
) -> None:
    receipt = receipt_of(node, incoming, arrived)
    arrived.touch()
    writer = await asyncio.create_subprocess_exec("sleep", "60")
    receiving = asyncio.create_task(receipt.receive(writer.pid))
    with arrived.open("ab", buffering=0) as file:
        growing = asyncio.create_task(grow(file.write))
        await until(lambda: incoming.size_bytes > len(CONTENT) // 2)
        server.cut()
        await growing
    writer.kill()
    await writer.wait()
    receipt.is_written(len(CONTENT))
    await receiving
    assert incoming.path.read_bytes() == CONTENT
    assert receipt.leg.sent_bytes < 1.3 * len(CONTENT)


async def test_a_receiver_that_stands_still_is_taken_up_anew_and_goes_on(
    node: NodeSession, incoming: IncomingFile, arrived: Path
) -> None:
    delivery = delivery_of(node, incoming, arrived)
    growing = asyncio.create_task(grow_in_catalog(incoming))
    delivering = asyncio.create_task(delivery.deliver())
    await until(lambda: size_of(arrived) > len(CONTENT) // 2)
    stopped = stop("dd", f"of={arrived}")
    await asyncio.gather(growing, delivering)
    end(stopped)
    assert arrived.read_bytes() == CONTENT
    assert delivery.leg.sent_bytes < 1.6 * len(CONTENT)
    assert [line for line in lines_of(delivery) if "stands still" in line]


async def test_a_receiver_that_stands_still_again_ends_the_transfer_in_words(
    node: NodeSession, incoming: IncomingFile, arrived: Path
) -> None:
    delivery = delivery_of(node, incoming, arrived)
    await incoming.write(CONTENT)
    delivering = asyncio.create_task(delivery.deliver())
    stopped: list[int] = []
    while not delivering.done():
        stopped += stop("dd", f"of={arrived}")
        await asyncio.sleep(0.01)
    with pytest.raises(TransferStalled) as caught:
        await delivering
    end(sorted(set(stopped)))
    problem = caught.value.problem
    assert problem.code == "transfer_stalled"
    assert "catalog → alder stands still" in problem.message
    assert "bytes" not in problem.message
    assert "No byte after" in problem.cause
    assert "FERRY_STALLED_AFTER_S" in problem.remedy
    assert node.name == problem.node


async def test_waiting_for_podman_is_not_standing_still(
    node: NodeSession, incoming: IncomingFile, arrived: Path
) -> None:
    receipt = receipt_of(node, incoming, arrived)
    arrived.write_bytes(b"begun")
    writer = await asyncio.create_subprocess_exec("sleep", "2")
    receiving = asyncio.create_task(receipt.receive(writer.pid))
    delivery = delivery_of(node, incoming, arrived.with_name("other") / "archive")
    Path(delivery.path).parent.mkdir()
    delivering = asyncio.create_task(delivery.deliver())
    await writer.wait()
    receipt.is_written(5)
    await asyncio.gather(receiving, delivering)
    assert lines_of(receipt) == lines_of(delivery) == []
    assert isinstance(receipt.report, Told)
    assert isinstance(delivery.report, Told)
    assert "Waiting for Podman on alder to write on." in receipt.report.notes("alder → catalog")
    waits = "Waiting for more to arrive in the catalog."
    assert waits in delivery.report.notes("catalog → alder")


async def test_a_slow_link_is_no_error(
    server: SshServer, node: NodeSession, incoming: IncomingFile, arrived: Path
) -> None:
    """A receiver that takes three times as long as the patience, and moves all the time."""
    slow = b"x" * 400_000
    server.install(
        "dd",
        f'for n in $(seq 40); do head -c 10000 >> "{arrived}"; sleep 0.05; done; cat > /dev/null',
    )
    await incoming.write(slow)
    await incoming.end()
    delivery = delivery_of(node, incoming, arrived)
    await delivery.deliver()
    assert arrived.read_bytes() == slow
    assert lines_of(delivery) == []
    assert delivery.leg.sent_bytes == len(slow)
