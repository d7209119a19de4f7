"""What a recognised failure says, and what a holder that goes on shows."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

from nodes.models import Operation, OperationState
from tests.integration.site import (
    WAIT_S,
)
from tests.lab import Host

STORE = "/var/lib/containers/storage/overlay-containers"


def assert_recognised(operation: Operation, rule: str) -> None:
    """The failure is told by a rule, the line that shows it, its cause and what to do."""
    assert operation.state == OperationState.FAILED, operation.state
    assert operation.error["rule"] == rule, operation.error
    assert operation.error["line"], operation.error
    assert operation.error["cause"]
    assert operation.error["remedy"]


@dataclass(frozen=True)
class Held:
    """How far a holder has come, and which start it is of."""

    tick: int
    nonce: str


def held(host: Host, name: str) -> Held:
    """Return what a holder says last; it has lost nothing of what it holds."""
    deadline = time.monotonic() + WAIT_S
    while not (line := host.run(["podman", "logs", "--tail", "1", name]).stdout):
        assert time.monotonic() < deadline, f"{name} prints nothing"
        time.sleep(0.05)
    found = re.fullmatch(r"holding=\S+ tick=(\d+) errors=0 nonce=(\S+)\n", line)
    assert found, line
    return Held(int(found[1]), found[2])


def assert_goes_on(host: Host, name: str, before: Held) -> None:
    """The holder runs there from its memory, and ticks."""
    deadline = time.monotonic() + WAIT_S
    while (now := held(host, name)).tick <= before.tick:
        assert now.nonce == before.nonce
        assert time.monotonic() < deadline, f"{name} does not go on"
        time.sleep(0.05)
    assert now.nonce == before.nonce
