"""The shell around a restore holds packets back, lets them go, and is in no restore's way."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from nodes.podman.hold_address import Hold, release_argv

HOLD = Hold(addresses={"eth0": ["10.0.0.200", "fd00::c8"]}, limit_s=90, frames=("ffee",))
# Writes down what it is asked and does, or cannot do, it.
_PROGRAM = """#!/bin/sh
echo "{name} $*" >> {log}
[ ! -e {broken} ] || {{ echo "{name} is broken" >&2; exit 1; }}
"""


@pytest.fixture
def node(tmp_path: Path) -> Path:
    """Return a folder that stands for a node: programs that note what they are asked to do."""
    (tmp_path / "bin").mkdir()
    for name in ("nft", "nsenter", "podman"):
        program = tmp_path / "bin" / name
        broken = tmp_path / f"{name}.broken"
        program.write_text(_PROGRAM.format(name=name, log=tmp_path / "log", broken=broken))
        program.chmod(0o755)
    return tmp_path


def start(node: Path, *restore: str, hold: Hold = HOLD) -> subprocess.Popen[str]:
    around = hold.around_argv(operation_id=7, folder=str(node), container="ab" * 32)
    path = f"{node / 'bin'}:{os.environ['PATH']}"
    return subprocess.Popen(
        [*around, *restore], env={**os.environ, "PATH": path}, stdout=subprocess.PIPE, text=True
    )


def run(node: Path, *restore: str, hold: Hold = HOLD) -> tuple[str, int]:
    with start(node, *restore, hold=hold) as process:
        printed, _ = process.communicate(timeout=20)
    return printed, process.returncode


def log(node: Path) -> list[str]:
    path = node / "log"
    return path.read_text().splitlines() if path.exists() else []


def wait_for(node: Path, words: str) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if any(words in line for line in log(node)):
            return
        time.sleep(0.01)
    raise AssertionError(f"{words!r} is not in {log(node)}")


def test_the_rules_drop_what_is_for_the_addresses_and_run_out_by_themselves() -> None:
    rules = HOLD.rules("ferry_7")
    assert 'hook ingress device "eth0"' in rules
    assert "10.0.0.200 timeout 90s" in rules
    assert "fd00::c8 timeout 90s" in rules
    assert "nd-neighbor-solicit" in rules


def test_an_address_of_one_kind_leaves_the_other_set_empty() -> None:
    rules = Hold(addresses={"eth0": ["10.0.0.200"]}, limit_s=5).rules("ferry_7")
    assert rules.count("elements") == 1


def test_a_hold_comes_back_from_the_journal_as_it_was() -> None:
    again = Hold.parse(HOLD.as_dict())
    assert again is not None
    assert again.rules("ferry_7") == HOLD.rules("ferry_7")
    assert Hold.parse({}) is None


def test_packets_are_held_back_until_the_restore_has_ended(node: Path) -> None:
    noted = f"echo restore >> {node / 'log'}; echo '{{}}'"
    printed, status = run(node, "sh", "-c", noted)
    assert (printed, status) == ("{}\n", 0)
    asked = [line for line in log(node) if line.startswith(("nft", "restore"))]
    assert asked == ["nft -f -", "restore", "nft delete table netdev ferry_7"]


def test_the_new_place_is_announced_after_a_restore(node: Path) -> None:
    run(node, "true")
    wait_for(node, "ffee")


def test_nothing_is_announced_after_a_restore_that_failed(node: Path) -> None:
    printed, status = run(node, "sh", "-c", "echo said; exit 125")
    assert (printed, status) == ("said\n", 125)
    assert "nft delete table netdev ferry_7" in log(node)
    assert not (node / "held-address").exists()


def test_a_restore_goes_on_where_nothing_can_be_held_back(node: Path) -> None:
    (node / "nft.broken").touch()
    assert run(node, "echo", "said") == ("said\n", 0)
    assert (node / "held-address").read_text() == "nothing was held back: nft is broken\n"


def wait_until_up(node: Path) -> None:
    while not (node / "up").exists():
        time.sleep(0.01)


def test_a_restore_that_is_told_to_end_ends_and_packets_are_let_go(node: Path) -> None:
    restore = f"trap 'exit 3' TERM; : > {node / 'up'}; sleep 20 & wait"
    with start(node, "sh", "-c", restore) as process:
        wait_until_up(node)
        process.send_signal(signal.SIGTERM)
        # Its sleep has the output still open, so not communicate().
        assert process.wait(10) == 3
        for left in _processes_in(node):
            os.kill(left, signal.SIGKILL)
    assert "nft delete table netdev ferry_7" in log(node)


def test_no_process_is_left_behind(node: Path) -> None:
    with start(node, "sh", "-c", f": > {node / 'up'}; sleep 0.5") as process:
        wait_until_up(node)
        assert len(_processes_in(node)) > 3
        process.wait(10)
    deadline = time.monotonic() + 10
    while _processes_in(node) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert _processes_in(node) == []


def _processes_in(node: Path) -> list[int]:
    """Return the PIDs of those that have the node's programs on their path."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environment = (process / "environ").read_text(errors="replace")
        except OSError:
            continue
        if f"PATH={node / 'bin'}:" in environment:
            found.append(int(process.name))
    return found


def test_letting_go_says_whether_anything_was_held_back(node: Path) -> None:
    environment = {**os.environ, "PATH": f"{node / 'bin'}:{os.environ['PATH']}"}
    ask = {"env": environment, "capture_output": True, "text": True, "check": True}
    assert subprocess.run(release_argv(7), **ask).stdout == "released\n"  # type: ignore[call-overload]
    (node / "nft.broken").touch()
    assert subprocess.run(release_argv(7), **ask).stdout == ""  # type: ignore[call-overload]
