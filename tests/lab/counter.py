"""Read what the counter workload says about its memory."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.lab.errors import LabError

if TYPE_CHECKING:
    from tests.lab.host import Host

_FIGURES = r"counter=(\d+) checked_mib=\d+ errors=(\d+) nonce=([0-9a-f]{16})"
LINE = re.compile(rf"^{_FIGURES}$", re.MULTILINE)
FULL_CHECK = re.compile(rf"^full-check {_FIGURES} (?:ok|BAD)$", re.MULTILINE)


@dataclass(frozen=True)
class CounterReading:
    """How far the counter is, how many words of its memory were wrong, and which start it is of.

    The nonce is drawn at the program's start and lies in its memory alone: it is the same for a
    program that was restored, and another one for a program that was started afresh.
    """

    counter: int
    errors: int
    nonce: str


def read_counter(host: Host, name: str = "counter") -> CounterReading:
    """Return the last line of the counter's log."""
    found = LINE.findall(_log_tail(host, name, 5))
    if not found:
        raise LabError(f"{host.name}: container {name} has not counted yet")
    return _reading(*found[-1])


def wait_until_it_counts(
    host: Host, name: str = "counter", *, timeout: float = 20
) -> CounterReading:
    """Wait until the counter moves, and return where it is."""
    deadline = time.monotonic() + timeout
    first: CounterReading | None = None
    while time.monotonic() < deadline:
        try:
            reading = read_counter(host, name)
        except LabError:
            pass
        else:
            if first is not None and reading.counter > first.counter:
                return reading
            if first is None or reading.nonce != first.nonce:
                first = reading
        time.sleep(0.05)
    raise LabError(f"{host.name}: container {name} did not count within {timeout} s")


def full_check(host: Host, name: str = "counter", *, timeout: float = 30) -> CounterReading:
    """Have the counter check all of its memory and return what it found."""
    before = wait_until_it_counts(host, name, timeout=timeout)
    host.run(["podman", "kill", "--signal", "USR1", name])
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        for found in reversed(FULL_CHECK.findall(_log_tail(host, name, 400))):
            # Podman's log goes on after a restart, so a check by an earlier program is in it too.
            reading = _reading(*found)
            if reading.counter >= before.counter and reading.nonce == before.nonce:
                return reading
        time.sleep(0.1)
    raise LabError(f"{host.name}: container {name} did not end its check within {timeout} s")


def _reading(counter: str, errors: str, nonce: str) -> CounterReading:
    return CounterReading(int(counter), int(errors), nonce)


def _log_tail(host: Host, name: str, lines: int) -> str:
    return host.run(["podman", "logs", "--tail", str(lines), name]).stdout
