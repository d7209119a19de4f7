"""Keep everything needed to look at a cell that went wrong."""

from __future__ import annotations

import json
from pathlib import Path

from tests.faults.cell import Outcome
from tests.faults.ground import Ground
from tests.lab import LabError
from tests.serving import ROOT

RESULTS = ROOT / "test-results" / "faults"
_LOG_LINES = 400
_LOOK = """
podman ps --all --no-trunc
podman volume ls
ls -laR /var/lib/ferry
ps -ef
df
"""


def keep_evidence(ground: Ground, outcome: Outcome) -> Path:
    """Write it down and return the folder."""
    folder = RESULTS / f"{outcome.moment}-{outcome.fault}"
    folder.mkdir(parents=True, exist_ok=True)
    told = {
        "problems.txt": "\n".join(outcome.problems),
        "operation.json": json.dumps(outcome.operation, indent=1),
        "ended.json": json.dumps(outcome.ended, indent=1),
        "events.txt": "\n".join(outcome.events),
        "site.log": "\n".join(ground.site.log.read_text().splitlines()[-_LOG_LINES:]),
    }
    for host in ground.hosts.values():
        try:
            told[f"{host.name}.txt"] = host.run(["sh", "-c", _LOOK], check=False, timeout=30).stdout
        except LabError as error:
            told[f"{host.name}.txt"] = str(error)
    for name, text in told.items():
        (folder / name).write_text(text)
    return folder
