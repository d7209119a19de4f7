"""Move a container with Ferry, through its API, as a click does."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx

from tests.lab import Host
from tests.serving import wait_for_operation


@dataclass(frozen=True)
class SiteFigures:
    """``running_s``: click → running on the destination; ``ended_s``: → verified and cleaned up."""

    running_s: float
    ended_s: float
    downtime_s: float
    phases_s: dict[str, float]


def register(api: httpx.Client, hosts: list[Host]) -> None:
    public_key = api.get("/site-key").raise_for_status().json()["public_key"]
    for host in hosts:
        host.authorize(public_key)
        node = {
            "name": host.name, "host": host.address, "port": host.port,
            "user": "root", "sudo": False, "host_key": host.host_key,
        }  # fmt: skip
        answer = api.post("/nodes", json=node).raise_for_status().json()
        if answer["state"] != "online":
            raise SystemExit(f"{host.name} is {answer['state']}: {answer['problem']}")


def migrate_by_site(
    api: httpx.Client, source: Host, destination: Host, name: str, compress: str
) -> SiteFigures:
    node = next(n for n in _get(api, "/nodes") if n["name"] == source.name)
    api.get(f"/nodes/{node['id']}/containers", params={"refresh": True}).raise_for_status()
    wanted = {
        "kind": "migrate", "source": source.name, "destination": destination.name,
        "container": name, "options": {"compress": compress},
    }  # fmt: skip
    queued = api.post("/operations", json=wanted).raise_for_status().json()
    operation = wait_for_operation(api, queued["id"])
    if operation["state"] != "succeeded":
        raise SystemExit(f"the migration {operation['state']}: {operation['error']}")
    phases = {phase["name"]: phase for phase in operation["phases"]}
    clicked = datetime.fromisoformat(operation["created_at"])
    archive_id = operation["result"]["archive_id"]
    api.delete(f"/archives/{archive_id}").raise_for_status()
    return SiteFigures(
        running_s=(_time(phases["restore"]["ended_at"]) - clicked).total_seconds(),
        ended_s=(_time(operation["ended_at"]) - clicked).total_seconds(),
        downtime_s=operation["result"]["downtime_s"],
        phases_s={
            name: (_time(phase["ended_at"]) - _time(phase["started_at"])).total_seconds()
            for name, phase in phases.items()
            if phase["started_at"]
        },
    )


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _get(api: httpx.Client, path: str) -> list[dict[str, Any]]:
    answer = api.get(path).raise_for_status().json()
    return list(answer["items"] if isinstance(answer, dict) else answer)
