"""The smaller answers of Podman and of the kernel: info, processes, statistics, events, ports."""

from __future__ import annotations

import json
import socket
import subprocess

import pytest

from nodes.criu.check import parse_version
from nodes.podman.events import changes_containers
from nodes.podman.info import parse_info
from nodes.podman.processes import Process, parse_processes
from nodes.podman.sockets import parse_taken_ports, taken_ports_argv
from nodes.podman.statistics import parse_statistics
from tests.fake_host import recorded


def test_info_tells_what_decides_over_a_migration() -> None:
    info = parse_info(recorded("info.json"))
    assert info.podman_version == "5.8.6"
    assert (info.runtime, info.runtime_version) == ("runc", "1.3.6")
    assert (info.cgroup_manager, info.cgroup_version) == ("cgroupfs", "v2")
    assert (info.architecture, info.kernel) == ("amd64", "6.18.44-fc-v595")
    assert info.memory_total_bytes == 25276514304
    assert (info.graph_driver, info.graph_root) == ("overlay", "/var/lib/containers/storage")
    assert info.rootless is False


def test_info_of_another_podman_may_lack_parts() -> None:
    info = parse_info('{"host": {"security": {"rootless": true}}}')
    assert info.rootless
    assert (info.podman_version, info.runtime, info.runtime_version) == ("", "", "")
    assert info.memory_total_bytes == 0


@pytest.mark.parametrize(
    "said, version",
    [
        ("crun version 1.21\ncommit: 10269840aa07fb7e6b7e1acff6198692d8ff5c88", "1.21"),
        ("runc version 1.1.5+ds1\ncommit: 1.1.5+ds1-1+deb12u1", "1.1.5"),
        ("", ""),
    ],
)
def test_the_runtimes_version_is_a_number(said: str, version: str) -> None:
    document = {"host": {"ociRuntime": {"name": "runc", "version": said}}}
    assert parse_info(json.dumps(document)).runtime_version == version


@pytest.mark.parametrize(
    "said, version",
    [("Version: 4.2.1\n", "4.2.1"), ("Version: 3.17\nGitID: v3.17", "3.17"), ("not found", "")],
)
def test_criu_says_its_version(said: str, version: str) -> None:
    assert parse_version(said) == version


def test_the_memory_of_processes_is_counted_in_bytes() -> None:
    (counter,) = parse_processes(recorded("top.txt"))
    assert counter == Process(pid=1, command="counter", rss_bytes=66240 * 1024)


def test_processes_come_by_their_number_and_may_have_spaces_in_their_names() -> None:
    rows = parse_processes("PID  RSS  COMMAND\n7    8    Web Content\n1    4    init\n\n")
    assert [(row.pid, row.command) for row in rows] == [(1, "init"), (7, "Web Content")]


def test_the_statistics_of_a_checkpoint_are_in_seconds_and_pages() -> None:
    figures = parse_statistics(recorded("checkpoint-statistics.json"))
    assert figures["podman_checkpoint_duration_s"] == pytest.approx(0.825117)
    assert figures["runtime_checkpoint_duration_s"] == pytest.approx(0.128460)
    assert figures["frozen_time_s"] == pytest.approx(0.100779)
    assert figures["pages_written"] == 16400


def test_the_statistics_of_a_restore_are_in_seconds_and_pages() -> None:
    figures = parse_statistics(recorded("restore-statistics.json"))
    assert figures["podman_restore_duration_s"] == pytest.approx(0.359644)
    assert figures["restore_time_s"] == pytest.approx(0.149326)
    assert figures["pages_restored"] == 16400
    assert "Id_s" not in figures


@pytest.mark.parametrize("text", ["", "7657bdea19a4\n", '{"podman_restore_dur'])
def test_an_answer_without_statistics_has_none(text: str) -> None:
    assert parse_statistics(text) == {}


def test_a_failed_command_has_only_podmans_own_duration() -> None:
    text = '{"podman_checkpoint_duration": 152180, "container_statistics": null}'
    assert parse_statistics(text) == {"podman_checkpoint_duration_s": pytest.approx(0.152180)}


def test_events_of_containers_and_pods_change_the_list() -> None:
    changing = {
        (event["Type"], event["Status"])
        for event in map(json.loads, recorded("events.jsonl").splitlines())
        if changes_containers(json.dumps(event))
    }
    assert changing == {
        ("container", "create"),
        ("container", "init"),
        ("container", "start"),
        ("container", "died"),
        ("container", "cleanup"),
        ("container", "checkpoint"),
        ("container", "restore"),
        ("pod", "create"),
    }


@pytest.mark.parametrize("line", ["", "not JSON", "{}", '{"Status": "renamed"}'])
def test_an_event_that_is_not_understood_counts_as_a_change(line: str) -> None:
    assert changes_containers(line)


def test_established_connections_take_no_port() -> None:
    assert parse_taken_ports(recorded("proc-net-tcp.txt"), "tcp") == {22, 8080, 8081}


@pytest.mark.parametrize("family, address", [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "")])
@pytest.mark.parametrize(
    "kind, protocol", [(socket.SOCK_STREAM, "tcp"), (socket.SOCK_DGRAM, "udp")]
)
def test_a_port_in_use_on_this_machine_is_found(
    family: socket.AddressFamily, address: str, kind: socket.SocketKind, protocol: str
) -> None:
    with socket.socket(family, kind) as taken:
        taken.bind((address, 0))
        if protocol == "tcp":
            taken.listen()
        said = subprocess.run(taken_ports_argv(protocol), capture_output=True, text=True)
        assert taken.getsockname()[1] in parse_taken_ports(said.stdout, protocol)
