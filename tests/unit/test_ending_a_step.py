"""A step that does not end is ended, with all that it has started."""

from __future__ import annotations

import time
from pathlib import Path, PurePosixPath

import pytest

from nodes.operations import remote_step
from nodes.operations.remote_step import RemoteStep
from tests.unit.local_session import LocalSession


def wait_until_gone(mark: Path) -> None:
    """A killed process is there until whoever inherits it has waited for it."""
    process = Path(f"/proc/{mark.read_text().strip()}")
    deadline = time.monotonic() + 10
    while process.exists():
        assert time.monotonic() < deadline, process.joinpath("status").read_text()
        time.sleep(0.05)


@pytest.mark.parametrize("deaf", [False, True])
async def test_a_step_and_its_children_are_gone_even_if_they_are_deaf(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deaf: bool
) -> None:
    monkeypatch.setattr(remote_step, "_TERMINATED_WITHIN_S", 2.0)
    step = RemoteStep(session=LocalSession(), folder=PurePosixPath(tmp_path), name="restore")
    trap = "trap '' TERM;" if deaf else ""
    script = f'{trap} sleep 60 & echo $! > "{tmp_path}/child"; wait'
    await step.start(["sh", "-c", script])
    child = tmp_path / "child"
    while not child.exists() or not child.read_text().strip():
        time.sleep(0.01)
    began = time.monotonic()
    await step.end(0.5)
    assert time.monotonic() - began < 40
    if deaf:
        wait_until_gone(child)
    assert (await step.wait()).exit_status != 0
