"""Start operations through the API, and count on the hosts what became of them."""

from __future__ import annotations

import json
from collections.abc import Sequence

import httpx

from tests.integration.site import assert_same_program, running
from tests.lab import CounterReading, Host, full_check, wait_until_it_counts


def start_counters(host: Host, names: Sequence[str], memory_mib: int) -> dict[str, CounterReading]:
    """Start counters and return how far each is, once all of them count."""
    for name in names:
        host.start_workload("counter", name=name, memory_mib=memory_mib)
    return {name: wait_until_it_counts(host, name) for name in names}


def refresh(api: httpx.Client) -> None:
    """Have the site look at all containers now."""
    for node in api.get("/nodes").json():
        api.get(f"/nodes/{node['id']}/containers", params={"refresh": True}).raise_for_status()


def ask_to_migrate(
    api: httpx.Client, name: str, source: str, destination: str, **options: object
) -> httpx.Response:
    wanted = {
        "kind": "migrate",
        "source": source,
        "destination": destination,
        "container": name,
        "options": options,
    }
    return api.post("/operations", json=wanted)


def start_migration(
    api: httpx.Client, name: str, source: str, destination: str, **options: object
) -> int:
    """Queue a migration and return its operation."""
    refresh(api)
    answer = ask_to_migrate(api, name, source, destination, **options)
    assert answer.status_code == 202, answer.text
    return int(answer.json()["id"])


def assert_runs_once(name: str, before: CounterReading, hosts: Sequence[Host]) -> Host:
    """It runs on exactly one of the hosts, from its memory; return which."""
    where = [host for host in hosts if name in running(host)]
    assert len(where) == 1, f"{name} runs on {[host.name for host in where]}"
    assert_same_program(before, full_check(where[0], name))
    return where[0]


def restores(host: Host, name: str) -> int:
    """Count how often Podman restored a container of this name on the host."""
    argv = ["podman", "events", "--stream=false", "--since", "24h", "--format", "json"]
    filters = ["--filter", "event=restore", "--filter", "type=container"]
    lines = host.run([*argv, *filters]).stdout.splitlines()
    return sum(json.loads(line)["Name"] == name for line in lines)
