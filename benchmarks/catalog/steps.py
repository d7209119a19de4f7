"""What is measured: each step of an archive's life, through the API of a served site."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from nodes.catalog.index import read_contents
from tests.lab import Host
from tests.serving import wait_for_operation

_CHUNK_BYTES = 1024 * 1024
# A slow disk takes half a minute for a gigabyte.
_PATIENCE_S = 3600.0


@dataclass(frozen=True)
class Taken:
    """A checkpoint in the catalog; ``phases_s`` by name, those of one go at the same time."""

    archive: dict[str, Any]
    phases_s: dict[str, float]
    total_s: float


def take_checkpoint(api: httpx.Client, host: Host, name: str, compress: str) -> Taken:
    """Checkpoint a container that goes on running. Raises SystemExit if that fails."""
    node = next(n for n in api.get("/nodes").raise_for_status().json() if n["name"] == host.name)
    api.get(f"/nodes/{node['id']}/containers", params={"refresh": True}).raise_for_status()
    options = {"compress": compress, "leave_running": True}
    wanted = {"kind": "checkpoint", "node": host.name, "container": name, "options": options}
    queued = api.post("/operations", json=wanted).raise_for_status().json()
    operation = wait_for_operation(api, queued["id"], timeout_s=_PATIENCE_S)
    if operation["state"] != "succeeded":
        raise SystemExit(f"the checkpoint {operation['state']}: {operation['error']}")
    archive = api.get(f"/archives/{operation['result']['archive_id']}").raise_for_status().json()
    phases_s = {
        phase["name"]: _seconds(phase["started_at"], phase["ended_at"])
        for phase in operation["phases"]
        if phase["started_at"]
    }
    return Taken(archive, phases_s, _seconds(operation["created_at"], operation["ended_at"]))


def verify(api: httpx.Client, archive: dict[str, Any]) -> float:
    """Have the site read the file again, hash and contents; return the seconds."""
    start = time.monotonic()
    answer = api.post(f"/archives/{archive['id']}/verify", timeout=_PATIENCE_S).raise_for_status()
    if not (answer.json()["matches"] and answer.json()["readable"]):
        raise SystemExit(f"the archive is not what it was: {answer.json()}")
    return time.monotonic() - start


def download(api: httpx.Client, archive: dict[str, Any]) -> float:
    """Take the whole file over HTTP, hashing it; return the seconds."""
    digest = hashlib.sha256()
    start = time.monotonic()
    with api.stream("GET", f"/archives/{archive['id']}/download", timeout=_PATIENCE_S) as answer:
        answer.raise_for_status()
        for chunk in answer.iter_bytes(_CHUNK_BYTES):
            digest.update(chunk)
    elapsed_s = time.monotonic() - start
    if digest.hexdigest() != archive["sha256"]:
        raise SystemExit("the downloaded file is not the one of the catalog")
    return elapsed_s


def index_alone(data_dir: Path, archive: dict[str, Any]) -> float:
    """Read the contents of the file in the store here; return the processor's seconds."""
    path = next(
        path
        for path in (data_dir / "archives").rglob("*")
        if path.is_file() and path.stat().st_size == archive["size_bytes"]
    )
    with path.open("rb") as file:
        start = time.thread_time()
        read_contents(file)
        return time.thread_time() - start


def _seconds(start: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()
