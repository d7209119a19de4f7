"""A node is emptied onto two others, and brought back, through whatever happens meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.integration.conftest import clean
from tests.integration.site import assert_same_program, running, staging_is_gone
from tests.lab import CounterReading, Host, Lab, full_check, read_counter, wait_until_it_counts
from tests.serving import ServedSite, add_nodes, wait_for_phase

pytestmark = [pytest.mark.integration, pytest.mark.lab]
NAMES = ["one", "two", "three", "four"]
MEMORY_MIB = 16
WAIT_S = 120.0


@pytest.fixture
def cedar(lab: Lab) -> Iterator[Host]:
    with clean(lab.up(["cedar"])["cedar"]) as host:
        yield host


@pytest.fixture
def hosts(api: httpx.Client, alder: Host, birch: Host, cedar: Host) -> dict[str, Host]:
    """Return the three hosts; the site knows them as nodes."""
    add_nodes(api, cedar)
    return {"alder": alder, "birch": birch, "cedar": cedar}


@pytest.fixture
def counters(api: httpx.Client, hosts: dict[str, Host]) -> dict[str, CounterReading]:
    """Start four counters on alder and return where they are."""
    alder = hosts["alder"]
    for name in NAMES:
        alder.start_workload("counter", name=name, memory_mib=MEMORY_MIB)
    found = {name: wait_until_it_counts(alder, name) for name in NAMES}
    see_all(api)
    return found


def see_all(api: httpx.Client) -> None:
    """Have the site look at what is on its nodes now."""
    for node in api.get("/nodes").json():
        api.get(f"/nodes/{node['id']}/containers", params={"refresh": True}).raise_for_status()


def evacuate(api: httpx.Client, **values: Any) -> dict[str, Any]:
    """Start to evacuate alder; the containers go in the order of their names."""
    answer = api.post("/batches", json={"kind": "evacuate", "node": "alder", **values})
    assert answer.status_code == 202, answer.text
    started: dict[str, Any] = answer.json()
    return started


def wait_for(
    api: httpx.Client, batch: dict[str, Any], ready: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    """Return the batch as soon as it is so."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        found: dict[str, Any] = api.get(f"/batches/{batch['id']}").raise_for_status().json()
        if ready(found):
            return found
        time.sleep(0.1)
    raise AssertionError(f"it did not come to this: {found}")


def has_ended(batch: dict[str, Any]) -> bool:
    return bool(batch["ended_at"])


def states(batch: dict[str, Any]) -> dict[str, str]:
    return {item["container"]: item["state"] for item in batch["items"]}


def destination_of(batch: dict[str, Any], name: str) -> str:
    return str(next(i["destination_name"] for i in batch["items"] if i["container"] == name))


def places(hosts: dict[str, Host]) -> dict[str, list[str]]:
    """Return on which hosts each container runs, as the hosts tell it."""
    shown = {name: running(host) for name, host in hosts.items()}
    return {each: [name for name in shown if each in shown[name]] for each in NAMES}


def assert_all_go_on(
    hosts: dict[str, Host], before: dict[str, CounterReading]
) -> dict[str, list[str]]:
    """Each counter runs on exactly one host, from its own memory; return where."""
    found = places(hosts)
    for name, where in found.items():
        assert len(where) == 1, found
        assert_same_program(before[name], full_check(hosts[where[0]], name))
    return found


def test_a_node_is_emptied_with_a_pause_a_failure_and_a_second_try_and_brought_back(
    api: httpx.Client, hosts: dict[str, Host], counters: dict[str, CounterReading]
) -> None:
    batch = evacuate(api, parallelism=2)
    assert {destination_of(batch, name) for name in NAMES} == {"birch", "cedar"}
    wait_for(api, batch, lambda found: found["counts"]["running"] == 2)

    api.post(f"/batches/{batch['id']}/pause").raise_for_status()
    paused = wait_for(api, batch, lambda found: found["counts"]["running"] == 0)

    moved = [name for name, state in states(paused).items() if state == "succeeded"]
    left = [name for name, state in states(paused).items() if state == "waiting"]
    assert (paused["state"], len(moved), len(left)) == ("paused", 2, 2)
    assert sorted(running(hosts["alder"])) == sorted(left)

    unlucky = left[0]
    thief = hosts[destination_of(batch, unlucky)]
    thief.start_workload("sleep", name=unlucky)
    api.post(f"/batches/{batch['id']}/resume").raise_for_status()
    ended = wait_for(api, batch, has_ended)

    assert states(ended) == {**dict.fromkeys(NAMES, "succeeded"), unlucky: "failed"}
    reason = next(i["reason"] for i in ended["items"] if i["container"] == unlucky)
    assert f"The name {unlucky} is taken" in reason
    assert running(hosts["alder"]) == [unlucky]
    assert_same_program(counters[unlucky], full_check(hosts["alder"], unlucky))

    thief.run(["podman", "rm", "--force", "--time", "0", unlucky])
    see_all(api)
    api.post(f"/batches/{batch['id']}/retry").raise_for_status()
    ended = wait_for(api, batch, has_ended)

    assert set(states(ended).values()) == {"succeeded"}
    assert running(hosts["alder"]) == []
    found = assert_all_go_on(hosts, counters)
    assert found == {name: [destination_of(batch, name)] for name in NAMES}

    see_all(api)
    back = api.post(f"/batches/{batch['id']}/bring-back")
    assert back.status_code == 202, back.text
    brought = wait_for(api, back.json(), has_ended)

    assert set(states(brought).values()) == {"succeeded"}
    assert assert_all_go_on(hosts, counters) == {name: ["alder"] for name in NAMES}
    assert all(staging_is_gone(host) for host in hosts.values())


def test_a_site_that_is_killed_in_the_middle_goes_on_with_it(
    served: ServedSite,
    api: httpx.Client,
    hosts: dict[str, Host],
    counters: dict[str, CounterReading],
) -> None:
    batch = evacuate(api, parallelism=2)
    found = wait_for(api, batch, lambda found: found["counts"]["running"] == 2)
    first = next(item["operation"] for item in found["items"] if item["operation"])
    wait_for_phase(api, first, "transfer")

    served.kill()
    served.start()
    ended = wait_for(api, batch, has_ended)

    assert set(states(ended).values()) == {"succeeded"}, ended
    assert running(hosts["alder"]) == []
    assert_all_go_on(hosts, counters)


def test_a_site_that_is_stopped_in_the_middle_goes_on_with_it(
    served: ServedSite,
    api: httpx.Client,
    hosts: dict[str, Host],
    counters: dict[str, CounterReading],
) -> None:
    batch = evacuate(api, parallelism=1)
    wait_for(api, batch, lambda found: found["counts"]["succeeded"] == 1)

    served.stop()
    served.start()
    ended = wait_for(api, batch, has_ended)

    assert set(states(ended).values()) == {"succeeded"}, ended
    assert_all_go_on(hosts, counters)


def test_cancelling_all_of_it_leaves_every_container_running_once(
    api: httpx.Client, hosts: dict[str, Host], counters: dict[str, CounterReading]
) -> None:
    batch = evacuate(api, parallelism=2)
    found = wait_for(api, batch, lambda found: found["counts"]["running"] == 2)
    first = next(item["operation"] for item in found["items"] if item["operation"])
    wait_for_phase(api, first, "checkpoint")

    cancelling = api.post(f"/batches/{batch['id']}/cancel", params={"stop_running": True})
    assert cancelling.status_code == 202, cancelling.text
    ended = wait_for(api, batch, has_ended)

    assert ended["state"] == "cancelled"
    assert [states(ended)[name] for name in sorted(NAMES)[2:]] == ["skipped", "skipped"]
    where = assert_all_go_on(hosts, counters)
    assert {name for name in NAMES if where[name] == ["alder"]} >= set(sorted(NAMES)[2:])


def test_what_does_not_fit_or_run_is_left_and_said_so(
    api: httpx.Client, hosts: dict[str, Host]
) -> None:
    alder = hosts["alder"]
    alder.start_workload("counter", name="one", memory_mib=MEMORY_MIB)
    alder.start_workload("counter", name="two", memory_mib=MEMORY_MIB)
    alder.start_workload("sleep", name="three")
    alder.run(["podman", "stop", "--time", "0", "three"])
    before = read_counter_of(alder, "one"), read_counter_of(alder, "two")
    for host in (hosts["birch"], hosts["cedar"]):
        host.run(["podman", "volume", "create", "two-data"])
    see_all(api)

    ended = wait_for(api, evacuate(api), has_ended)

    assert states(ended) == {"one": "succeeded", "two": "skipped", "three": "skipped"}
    reasons = {item["container"]: item["reason"] for item in ended["items"]}
    assert "A volume with the same name is on the destination already" in reasons["two"]
    assert reasons["three"] == "It is exited, not running: there is no memory to move."
    assert running(alder) == ["two"]
    there = hosts[destination_of(ended, "one")]
    assert_same_program(before[0], full_check(there, "one"))
    assert_same_program(before[1], full_check(alder, "two"))


def read_counter_of(host: Host, name: str) -> CounterReading:
    wait_until_it_counts(host, name)
    return read_counter(host, name)
