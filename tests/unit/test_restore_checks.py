"""Before a restore each check says what would go wrong on the node, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from nodes.host.recorded_facts import recorded_facts
from nodes.operations import restore_checks as checks
from nodes.operations.preflight_host_checks import check_runtime
from nodes.operations.restore_plan import RestorePlan, RestoreSurroundings
from nodes.operations.restore_preflight import CHECKS, Check, examine
from nodes.podman.options import RestoreOptions
from tests.unit.builders import (
    COUNTER_ID,
    MIB,
    OTHER_ID,
    make_host,
    make_neighbour,
    make_surroundings,
)

CONNECTION = {"pid": 1, "fd": 4, "family": "inet", "protocol": "tcp", "state": "established"}
SECTIONS: dict[str, Any] = {
    "config": {
        "id": COUNTER_ID,
        "name": "counter",
        "rootfsImageID": "b6" * 32,
        "rootfsImageName": "localhost/counter:latest",
        "runtime": "runc",
        "cgroupManager": "cgroupfs",
        "networkMode": "bridge",
        "newNetworks": {"podman": {"interface_name": "eth0"}},
        "namedVolumes": [{"volumeName": "counter-data", "dest": "/data"}],
        "newPortMappings": [{"host_ip": "", "container_port": 8080, "host_port": 8081, "range": 1}],
    },
    "spec": {"mounts": [], "process": {}},
    "networks": {"networks": [{"name": "podman", "interfaces": [{"addresses": ["10.88.0.5/16"]}]}]},
    "processes": [{"pid": 1, "name": "counter"}],
    "sockets": [],
    "volumes": [{"name": "counter-data", "stored": True}],
}


def make_restore(*, sections: dict[str, Any] | None = None, **options: Any) -> RestorePlan:
    return RestorePlan(
        operation_id=7,
        archive_name="counter-20261124-021900",
        path=Path("/catalog/00"),
        size_bytes=64 * MIB,
        sha256="5d" * 32,
        unpacked_bytes=70 * MIB,
        sections={**SECTIONS, **(sections or {})},
        versions=make_host().as_dict(),
        options=RestoreOptions.parse(options),
    )


def around(
    plan: RestorePlan, *, image_node: str = "alder", lacks_tcp_close: str = "", **there: Any
) -> RestoreSurroundings:
    """Return a ready node beside one that has the image; ``there`` changes what is found on it."""
    elsewhere = {name: there.pop(name) for name in ("running_on", "pod_state") if name in there}
    container = there.pop("container", {})
    near = make_surroundings(**there)
    return RestoreSurroundings(
        source=replace(plan.source, container=replace(plan.container, **container)),
        destination=near.destination,
        catalog_free_bytes=0,
        image_node=image_node,
        lacks_tcp_close=lacks_tcp_close,
        **{"running_on": [], "pod_state": "Created", **elsewhere},
    )


@dataclass(frozen=True)
class Case:
    name: str
    check: Check
    level: str
    says: str
    options: dict[str, Any] = field(default_factory=dict)
    sections: dict[str, Any] = field(default_factory=dict)
    there: dict[str, Any] = field(default_factory=dict)


IN_A_POD = {**SECTIONS["config"], "pod": "d0" * 32}
STOPPED = make_neighbour(name="counter", podman_id=COUNTER_ID, state="exited")
CASES = [
    Case("no image anywhere", checks.check_image, "error", "No node that is online",
         there={"has_image": False, "image_node": ""}),
    Case("image elsewhere", checks.check_image, "ok", "copied by ID from alder",
         there={"has_image": False}),
    Case("name of a running one", checks.check_name_free, "error", "running",
         there={"containers": [make_neighbour(name="counter")]}),
    Case("ID of a stopped one", checks.check_name_free, "error", "stopped",
         there={"containers": [STOPPED]}),
    Case("stopped one to be replaced", checks.check_name_free, "warning", "just before the restore",
         {"replace": True}, there={"containers": [STOPPED]}),
    Case("running one to be replaced", checks.check_name_free, "error", "running",
         {"replace": True}, there={"containers": [replace(STOPPED, state="running")]}),
    Case("stopped one of another origin to be replaced", checks.check_name_free, "error", "web",
         {"replace": True, "name": "web"},
         there={"containers": [make_neighbour(state="exited")]}),
    Case("clone beside its original", checks.check_name_free, "ok", "free", {"name": "clone"},
         there={"containers": [STOPPED]}),
    Case("clone's name taken", checks.check_name_free, "error", "web", {"name": "web"},
         there={"containers": [make_neighbour(podman_id=OTHER_ID)]}),
    Case("runs on another node", checks.check_runs_elsewhere, "warning", "alder",
         there={"running_on": ["alder"]}),
    Case("clone of one that runs", checks.check_runs_elsewhere, "ok", "", {"name": "clone"},
         there={"running_on": ["alder"]}),
    Case("no such pod", checks.check_pod, "error", "no pod greens", {"pod": "greens"},
         {"config": IN_A_POD}, {"pod_state": ""}),
    Case("into a pod", checks.check_pod, "ok", "greens", {"pod": "greens"}, {"config": IN_A_POD}),
    Case("out of its pod", checks.check_pod, "error", "only be restored into one",
         sections={"config": IN_A_POD}),
    Case("never in a pod", checks.check_pod, "error", "was in no pod", {"pod": "greens"}),
    Case("port taken", checks.check_ports, "error", "8081/tcp",
         there={"taken_tcp_ports": frozenset({8081})}),
    Case("another port", checks.check_ports, "ok", "8099/tcp", {"publish": ["8099:8080"]},
         there={"taken_tcp_ports": frozenset({8081})}),
    Case("volume there", checks.check_volumes, "error", "counter-data",
         there={"volumes": frozenset({"counter-data"})}),
    Case("volume there, used", checks.check_volumes, "ok", "own volumes",
         {"ignore_volumes": True}, there={"volumes": frozenset({"counter-data"})}),
    Case("clone shares a volume", checks.check_volumes, "warning", "shares",
         {"ignore_volumes": True, "name": "clone"},
         there={"volumes": frozenset({"counter-data"})}),
    Case("volume left behind", checks.check_volumes, "warning", "empty",
         sections={"volumes": [{"name": "counter-data", "stored": False}]}),
    Case("volume ignored and missing", checks.check_volumes, "warning", "empty",
         {"ignore_volumes": True}),
    Case("address taken", checks.check_address, "warning", "10.88.0.5",
         there={"taken_addresses": frozenset({"10.88.0.5"})}),
    Case("address taken, connections kept", checks.check_address, "error", "10.88.0.5",
         {"tcp_established": True}, there={"taken_addresses": frozenset({"10.88.0.5"})}),
    Case("clone needs no address", checks.check_address, "ok", "free", {"name": "clone"},
         there={"taken_addresses": frozenset({"10.88.0.5"})}),
    Case("open connections", checks.check_connections, "error", "1 established",
         sections={"sockets": [CONNECTION]}),
    Case("closed connections", checks.check_connections, "ok", "1 established",
         {"tcp_close": True}, {"sockets": [CONNECTION]}),
    Case("an OCI runtime without it", checks.check_connections, "error", "runc 1.3.6",
         {"tcp_close": True}, {"sockets": [CONNECTION]}, {"lacks_tcp_close": "runc 1.3.6"}),
    Case("little room", checks.check_room, "error", "too little free space",
         there={"destination": make_host(staging_free_bytes=100 * MIB)}),
    Case("other processor", checks.check_processor, "error", "arm64",
         there={"destination": make_host(info={"architecture": "arm64"})}),
    Case("other runtime", check_runtime, "error", "crun",
         there={"destination": make_host(info={"runtime": "crun"})}),
    Case("older CRIU", checks.check_tools, "warning", "criu 4.2.1 → 4.0",
         there={"destination": make_host(criu_version="4.0")}),
]  # fmt: skip


def found_in(case: Case) -> Any:
    plan = make_restore(sections=case.sections, **case.options)
    return case.check(around(plan, **case.there), plan)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_fitting_archive_on_a_ready_node_passes(check: Check) -> None:
    plan = make_restore()
    assert check(around(plan), plan).level == "ok"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_one_fact_makes_the_difference(case: Case) -> None:
    found = found_in(case)
    assert found.level == case.level, found
    assert case.says in f"{found.message}\n{found.evidence}"


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.level == "error"], ids=lambda case: case.name
)
def test_an_error_shows_what_was_seen_and_what_to_do(case: Case) -> None:
    found = found_in(case)
    assert found.evidence
    assert found.remedy


def test_an_archive_made_elsewhere_is_told_as_such_and_guesses_nothing() -> None:
    plan = replace(make_restore(), versions={})
    findings = examine(around(plan), plan)
    told = {finding.check: finding for finding in findings}
    assert told["made-with"].level == "warning"
    assert {told["architecture"].level, told["versions"].level} == {"ok"}


def test_a_folder_of_the_host_counts_and_podmans_own_files_do_not() -> None:
    mounts = [
        {"type": "bind", "destination": "/srv", "source": "/srv/shared"},
        {"type": "bind", "destination": "/data", "source": "/var/lib/containers/storage/x/_data"},
        {"type": "bind", "destination": "/etc/hosts", "source": "/run/containers/x/userdata/hosts"},
        {"type": "proc", "destination": "/proc", "source": "proc"},
    ]
    plan = make_restore(sections={"spec": {"mounts": mounts, "process": {}}})
    assert plan.container.bind_sources == ["/srv/shared"]
    near = around(plan, missing_bind_sources=["/srv/shared"])
    bind = next(found for found in examine(near, plan) if found.check == "bind-mounts")
    assert (bind.level, bind.evidence) == ("error", "/srv/shared")


def test_what_a_host_was_like_is_read_back_as_it_was_written() -> None:
    host = make_host()
    found = recorded_facts(host.as_dict())
    assert found.as_dict() == host.as_dict()
    assert recorded_facts({}).info.architecture == ""
