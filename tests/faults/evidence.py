"""What the hosts and the catalog themselves hold, read without asking the site's database."""

from __future__ import annotations

import os
import re
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from tests.faults.ground import Ground
from tests.faults.holds import pids_of
from tests.lab import CounterReading, Host, LabError
from tests.lab.counter import FULL_CHECK, LINE
from tests.lab.process import process_name

_STORE = "/var/lib/containers/storage/overlay-containers"
PROGRAM = "counter"
_OURS = re.compile(r"(conmon|podman|criu|runc) |/var/lib/ferry/|ferry-step")
_SETTLE_S = 4.0
_CHECK_S = 30.0
_MARK = "==faults==\n"
# $1 is where Podman keeps what it knows of containers.
_LOOK = """
podman ps --all --no-trunc --format '{{.ID}} {{.Names}} {{.State}}'
echo ==faults==
podman volume ls --format '{{.Name}}'
echo ==faults==
ls "$1"
echo ==faults==
ls -AR /var/lib/ferry 2>/dev/null
echo ==faults==
nft list tables
"""


@dataclass(frozen=True, kw_only=True)
class Held:
    """What one host holds."""

    containers: dict[str, str]
    running: list[str]
    volumes: list[str]
    staging: str
    processes: list[str]
    unknown_folders: list[str]
    packet_rules: list[str]


def programs(host: Host, container_id: str) -> list[int]:
    """Return a container's programs as the kernel tells it: Podman may be wrong, or dead."""
    return [
        pid
        for pid in pids_of(host)
        if container_id in _read(pid, "cgroup") and process_name(pid) == PROGRAM
    ]


def _read(pid: int, name: str) -> str:
    try:
        return Path(f"/proc/{pid}/{name}").read_text(errors="replace").replace("\0", " ")
    except (OSError, ProcessLookupError):
        return ""


def look_at(host: Host) -> Held:
    said = host.run(["sh", "-c", _LOOK, "look", _STORE]).stdout
    listed, volumes, folders, staging, rules = said.split(_MARK)
    lines = [line.split() for line in listed.splitlines() if line]
    containers = {name: key for key, name, _ in lines}
    known = set(containers.values())
    return Held(
        containers=containers,
        running=[name for _, name, state in lines if state == "running"],
        volumes=volumes.split(),
        staging=staging.strip(),
        processes=_lasting_processes(host, known),
        unknown_folders=[
            name
            for name in folders.split()
            if re.fullmatch("[0-9a-f]{64}", name) and name not in known
        ],
        packet_rules=[line for line in rules.splitlines() if "ferry" in line],
    )


def _lasting_processes(host: Host, known: set[str]) -> list[str]:
    """Return what operations run, hung or forgotten, when it lasts longer than a look does."""
    deadline = time.monotonic() + _SETTLE_S
    while True:
        lines = [_read(pid, "cmdline") for pid in pids_of(host)]
        left = [line for line in lines if _is_ours(line) and not _watches_one_of(known, line)]
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.3)


def _is_ours(line: str) -> bool:
    # The watcher's stream of events belongs there.
    return bool(_OURS.search(line)) and "podman events" not in line


def _watches_one_of(known: set[str], line: str) -> bool:
    return "conmon " in line and any(f" -c {container_id} " in line for container_id in known)


def last_count(host: Host, container_id: str) -> CounterReading | None:
    """Return the last line that the container wrote on this host, running or frozen."""
    found = LINE.findall(_log(host, container_id))
    return CounterReading(int(found[-1][0]), int(found[-1][1]), found[-1][2]) if found else None


def check_memory(host: Host, container_id: str) -> CounterReading:
    """Have the container, which runs there, check all of its memory. Raises LabError."""
    deadline = time.monotonic() + _CHECK_S
    before = len(FULL_CHECK.findall(_log(host, container_id)))
    for pid in programs(host, container_id):
        os.kill(pid, signal.SIGUSR1)
    while time.monotonic() < deadline:
        found = FULL_CHECK.findall(_log(host, container_id))
        if len(found) > before:
            return CounterReading(int(found[-1][0]), int(found[-1][1]), found[-1][2])
        time.sleep(0.05)
    raise LabError(f"{host.name}: {container_id} did not check its memory within {_CHECK_S} s")


def _log(host: Host, container_id: str) -> str:
    try:
        lines = host.path(f"{_STORE}/{container_id}/userdata/ctr.log").read_text().splitlines()
    except (OSError, LabError):
        return ""
    # Podman's prefix: the time, the stream, F for a full line.
    return "\n".join(line.split(" ", 3)[-1] for line in lines)


def catalog_problems(ground: Ground) -> list[str]:
    """Return what is wrong between the catalog's files and its rows."""
    folder = ground.site.data_dir / "archives"
    rows = ground.api.get("/archives").raise_for_status().json()["items"]
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    problems = []
    if len(files) != len(rows):
        problems.append(f"the catalog has {len(rows)} rows, and the files {_names(folder, files)}")
    for row in rows:
        if row["state"] != "ready":
            problems.append(f"archive {row['id']} is {row['state']}")
            continue
        verified = ground.api.post(f"/archives/{row['id']}/verify").json()
        if verified.get("matches") is not True:
            problems.append(f"archive {row['id']} is not what it was: {verified}")
    return problems


def _names(folder: Path, files: list[Path]) -> list[str]:
    return [str(path.relative_to(folder)) for path in files]
