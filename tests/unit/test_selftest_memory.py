"""A self-test believes a container only what it says after the restore, and from its own memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from nodes.operations import selftest
from nodes.operations.selftest import Selftest, SelftestFailed
from nodes.ssh.session import Completed
from tests.fake_host import recorded
from tests.unit.builders import make_host

NONCE = "7-7-7"
MARKS = {"start-step": "4711 1 boot", "step": "0 "}


def says(count: int, *, errors: int = 0, nonce: str = NONCE) -> str:
    return f"count={count} errors={errors} nonce={nonce}\n"


class ScriptedSession:
    """A node on which every step succeeds, and whose container says one line after the other."""

    name = "alder"

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = self._each(lines)

    def _each(self, lines: Sequence[str]) -> Iterator[str]:
        yield from lines
        while True:
            yield lines[-1]

    async def run(self, argv: Sequence[str], **_: Any) -> Completed:
        return Completed(stdout=self._answer(list(argv)), stderr="", exit_status=0)

    def _answer(self, argv: list[str]) -> str:
        if argv[:2] == ["podman", "logs"]:
            return next(self._lines)
        if argv[:3] == ["podman", "container", "inspect"]:
            return recorded("inspect-counter.json")
        return MARKS.get(argv[3], "") if argv[:2] == ["sh", "-c"] else ""


class Silent:
    """A report that nobody hears."""

    @asynccontextmanager
    async def phase(self, name: str) -> Any:
        yield self

    async def log(self, message: str, *, level: str = "info", phase: str = "") -> None: ...


@pytest.fixture(autouse=True)
def ready_host(monkeypatch: pytest.MonkeyPatch) -> None:
    async def read(_: object) -> object:
        return make_host()

    monkeypatch.setattr(selftest, "read_host_facts", read)
    monkeypatch.setattr(selftest, "_COUNTS_WITHIN_S", 0.3)
    monkeypatch.setattr(selftest, "_LOOK_EVERY_S", 0.01)


async def run(*lines: str) -> dict[str, Any]:
    test = Selftest(
        session=ScriptedSession(lines),  # type: ignore[arg-type]
        operation_id=7,
        site="s",
        report=Silent(),  # type: ignore[arg-type]
        watch_window_s=0,
    )
    return await test.run()


async def test_a_container_that_counts_on_after_the_restore_is_proof() -> None:
    # Seen running, last heard before the freeze, and heard again after the restore.
    proof = await run(says(1), says(9), says(10))
    assert proof["versions"]["criu"] == "4.2.1"


async def test_what_was_said_before_the_freeze_proves_nothing() -> None:
    """The log travels in the archive, so it ends after the restore as it ended before."""
    with pytest.raises(SelftestFailed) as failed:
        await run(says(1), says(9), says(9))
    assert "does not count" in failed.value.problem.message


@pytest.mark.parametrize(
    "line, cause",
    [
        (says(10, nonce="8-8-8"), "started afresh"),
        (says(10, errors=2), "2 errors in memory"),
    ],
)
async def test_another_memory_is_none(line: str, cause: str) -> None:
    with pytest.raises(SelftestFailed) as failed:
        await run(says(1), says(9), line)
    assert cause in failed.value.problem.cause


async def test_a_container_that_says_nothing_is_told() -> None:
    with pytest.raises(SelftestFailed) as failed:
        await run("")
    assert "It printed nothing" in failed.value.problem.cause
