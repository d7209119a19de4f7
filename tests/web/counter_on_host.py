"""What `podman ps` of a fake host says of the container counter."""

from __future__ import annotations

import json

from tests.factories import COUNTER_ID
from tests.fake_host import Answer, FakeHost, recorded


def ps_of(state: str) -> Answer:
    """Answer with counter alone, in this state."""
    (row,) = json.loads(recorded("ps.json"))[:1]
    row |= {"Id": COUNTER_ID, "Names": ["counter"], "State": state}
    return json.dumps([row]), "", 0


def has_counter(host: FakeHost, state: str = "running") -> None:
    """Have the host show counter in this state, and do to it what it is asked to."""
    host.answers["podman ps"] = ps_of(state)
    for action in ("start", "stop", "restart", "pause", "unpause", "rename", "rm"):
        host.answers[f"podman {action}"] = ("", "", 0)
