"""What `podman ps` and `podman container inspect` say is read as Podman meant it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from nodes.podman.answer import UnreadableAnswer
from nodes.podman.containers import (
    ListedContainer,
    Port,
    parse_container_detail,
    parse_containers,
)
from nodes.podman.info import parse_info
from tests.fake_host import recorded
from tests.unit.builders import COUNTER_ID


@pytest.fixture(scope="module")
def listed() -> dict[str, ListedContainer]:
    return {row.name: row for row in parse_containers(recorded("ps-states.json"))}


def test_a_pods_infra_container_is_not_listed(listed: dict[str, ListedContainer]) -> None:
    assert '"IsInfra": true' in recorded("ps-states.json")
    assert list(listed) == ["counter", "leaf", "finished", "unborn"]


def test_a_running_container_is_listed_whole(listed: dict[str, ListedContainer]) -> None:
    counter = listed["counter"]
    assert len(counter.podman_id) == 64
    assert counter.image == "localhost/ferry-counter:latest"
    assert counter.image_id.startswith("289e21743143")
    assert (counter.state, counter.status) == ("running", "Up 4 seconds")
    assert counter.command == ["counter", "64", "100", "8080"]
    assert counter.mounts == ["/data"]
    assert counter.networks == ["podman"]
    assert counter.started_at == datetime(2026, 11, 24, 3, 6, 31, tzinfo=UTC)


def test_a_member_of_a_pod_names_its_pod(listed: dict[str, ListedContainer]) -> None:
    assert listed["leaf"].pod.startswith("06c6c18b02ec")
    assert listed["counter"].pod == ""


def test_only_what_has_ended_has_an_exit_code(listed: dict[str, ListedContainer]) -> None:
    assert listed["finished"].exit_code == 3
    assert listed["counter"].exit_code is None
    assert listed["unborn"].exit_code is None


def test_the_year_1_means_never(listed: dict[str, ListedContainer]) -> None:
    assert listed["unborn"].started_at is None
    assert listed["unborn"].created_at == datetime(2026, 11, 24, 3, 6, 35, tzinfo=UTC)


def test_a_range_of_ports_is_one_entry_of_ps(listed: dict[str, ListedContainer]) -> None:
    (port,) = listed["unborn"].ports
    assert list(port.host_ports) == [9000, 9001, 9002]
    assert port.protocol == "udp"


@pytest.mark.parametrize("text", ["[]", "null", "[]\n"])
def test_a_node_without_containers_has_none(text: str) -> None:
    assert parse_containers(text) == []


@pytest.mark.parametrize("parse", [parse_containers, parse_container_detail, parse_info])
@pytest.mark.parametrize("text", ["", "Error: database is locked\n", '[{"Id": "76'])
def test_an_answer_that_is_not_json_is_never_taken_for_an_empty_one(
    parse: Callable[[str], object], text: str
) -> None:
    with pytest.raises(UnreadableAnswer) as caught:
        parse(text)
    assert caught.value.problem.cause in (text.strip(), "the answer was empty")


def test_fields_that_another_podman_leaves_out_are_empty() -> None:
    (row,) = parse_containers(json.dumps([{"Id": COUNTER_ID, "State": "Exited"}]))
    assert row.name == "7657bdea19a4"
    assert row.state == "exited"
    assert row.exit_code is None
    assert (row.ports, row.labels, row.mounts, row.networks) == ([], {}, [], [])
    assert row.created_at is None


def test_a_running_container_is_inspected_whole() -> None:
    counter = parse_container_detail(recorded("inspect-counter.json"))
    assert counter.podman_id == COUNTER_ID
    assert counter.name == "counter"
    assert (counter.state, counter.running) == ("running", True)
    assert counter.pid == 107
    assert counter.runtime == "runc"
    assert counter.image_id.startswith("289e21743143")
    assert counter.volumes == ["counter-data"]
    assert counter.bind_sources == []
    assert counter.networks == ["podman"]
    assert counter.rootfs_changes_bytes == 613183
    assert not counter.auto_remove
    assert not counter.tty
    assert counter.ports == [
        Port(host_ip="0.0.0.0", host_port=8081, container_port=8080, count=1, protocol="tcp")
    ]


def test_a_checkpointed_container_says_where_criu_left_its_files() -> None:
    counter = parse_container_detail(recorded("inspect-checkpointed.json"))
    assert (counter.state, counter.running) == ("exited", False)
    assert counter.checkpoint_path.endswith("/userdata/checkpoint")
    assert counter.checkpoint_log.endswith("/userdata/dump.log")
    assert counter.restore_log == ""


def test_a_range_of_ports_is_one_entry_each_of_inspect() -> None:
    created = parse_container_detail(recorded("inspect-created.json"))
    assert [(port.host_port, port.protocol) for port in created.ports] == [
        (9000, "udp"),
        (9001, "udp"),
        (9002, "udp"),
    ]
    assert created.labels == {"purpose": "tests"}


def test_an_exposed_port_that_is_not_published_is_no_port() -> None:
    document = json.loads(recorded("inspect-counter.json"))
    document[0]["NetworkSettings"]["Ports"] = {"8080/tcp": None, "53/udp": []}
    assert parse_container_detail(json.dumps(document)).ports == []


def test_an_inspect_without_optional_parts_is_still_read() -> None:
    bare = {"Id": COUNTER_ID, "Name": "counter", "Image": "a3" * 32, "State": {"Status": "exited"}}
    counter = parse_container_detail(json.dumps([bare]))
    assert (counter.running, counter.pid, counter.exit_code) == (False, 0, 0)
    assert (counter.mounts, counter.ports, counter.networks) == ([], [], [])
    assert counter.rootfs_changes_bytes == 0
