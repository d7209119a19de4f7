"""Two archives are compared section by section, and what is the same is only counted."""

from __future__ import annotations

import io
from typing import Any

import pytest

from nodes.catalog.compare import SectionComparison, compare
from nodes.catalog.index import read_contents
from tests.unit.archives import CONTAINER_ID, Checkpoint
from tests.unit.criu_images import Opened, Program, inet, pipe, regular

CLONE_ID = "a" * 64


def sections_of(checkpoint: Checkpoint) -> dict[str, Any]:
    return read_contents(io.BytesIO(checkpoint.pack())).sections


def compared(left: Checkpoint, right: Checkpoint, name: str) -> SectionComparison:
    """Return one section of the comparison."""
    comparison = compare(sections_of(left), sections_of(right))
    return next(section for section in comparison if section.name == name)


def differences(left: Checkpoint, right: Checkpoint, name: str) -> list[tuple[Any, ...]]:
    return [
        (found.change, found.what, found.left, found.right)
        for found in compared(left, right, name).differences
    ]


def of(*programs: Program) -> Checkpoint:
    return Checkpoint(programs=programs)


def test_an_archive_does_not_differ_from_itself() -> None:
    sections = sections_of(Checkpoint(written={"a": b"1"}, volumes={"data": {"b": b"2"}}))

    comparison = compare(sections, sections)

    assert comparison.total == 0
    assert all(
        section.unchanged and not section.missing
        for section in comparison
        if section.name != "sockets"
    )


def test_processes_that_came_and_went_are_told() -> None:
    left = of(Program(), Program(pid=5, ppid=1, arguments=["worker", "a"]))
    right = of(Program(), Program(pid=6, ppid=1, arguments=["worker", "b"], threads={7: "t"}))

    assert differences(left, right, "processes") == [
        ("removed", "worker a (PID 5)", "PID 5, 1 thread", None),
        ("added", "worker b (PID 6)", None, "PID 6, 2 threads"),
    ]
    assert compared(left, right, "processes").unchanged == 1


def test_a_process_is_known_again_by_its_command() -> None:
    left = of(Program(), Program(pid=5, ppid=1, arguments=["worker"], uid=0))
    right = of(Program(), Program(pid=9, ppid=1, arguments=["worker"], uid=1000))

    assert differences(left, right, "processes") == [
        ("changed", "worker (PID 5 → 9): user", 0, 1000)
    ]


def test_of_processes_of_one_command_those_of_one_pid_belong_together() -> None:
    workers = [Program(pid=pid, ppid=1, arguments=["worker"], uid=pid) for pid in (5, 6, 7)]
    left, right = of(Program(), *workers), of(Program(), *workers[1:])

    assert differences(left, right, "processes") == [
        ("removed", "worker (PID 5)", "PID 5, 1 thread", None)
    ]


def test_memory_is_compared_in_all_and_by_process() -> None:
    left, right = of(Program(memory=bytes(4096))), of(Program(memory=bytes(5 * 4096)))

    section = compared(left, right, "memory")

    assert [(found.what, found.unit) for found in section.differences] == [
        ("All processes", "bytes"),
        ("counter 64 (PID 1)", "bytes"),
    ]
    assert [found.right - found.left for found in section.differences] == [4 * 4096] * 2  # type: ignore[operator]


def test_descriptors_are_compared_but_for_what_always_differs() -> None:
    def opened(pipe_id: int, *more: Opened) -> Checkpoint:
        log = regular(3, "/var/log/a", position=pipe_id)
        return of(Program(opened=[pipe(1, pipe_id), log, *more]))

    left, right = opened(70, regular(4, "/tmp/a")), opened(90, regular(4, "/tmp/b"))

    assert differences(left, right, "files") == [
        ("changed", "counter 64 (PID 1): descriptor 4", "file /tmp/a r", "file /tmp/b r")
    ]
    assert compared(left, right, "files").unchanged == 2


def test_sockets_are_compared_by_their_ends() -> None:
    listening = inet(3, state=10, local=("0.0.0.0", 80))
    connected = inet(4, state=1, local=("10.0.0.1", 80), remote=("10.0.0.2", 5000))
    left = of(Program(opened=[listening, connected]))
    right = of(Program(opened=[listening]))

    (found,) = compared(left, right, "sockets").differences

    assert found.change == "removed"
    assert "10.0.0.1:80 → 10.0.0.2:5000" in found.what
    assert found.left == "established"


def test_variables_are_compared_by_name() -> None:
    left = of(Program(environment=["A=1", "B=2"]))
    right = of(Program(environment=["A=other", "C=3"]))

    assert differences(left, right, "environment") == [
        ("removed", "counter 64 (PID 1): B", "set", None),
        ("added", "counter 64 (PID 1): C", None, "set"),
    ]


def test_changes_of_files_are_told() -> None:
    left = Checkpoint(written={"same": b"1", "grown": b"1", "gone": b"1"})
    right = Checkpoint(written={"same": b"1", "grown": b"123"}, deleted=["/etc/motd"])

    assert differences(left, right, "rootfs") == [
        ("removed", "/gone", "file 0644, 1 bytes", None),
        ("changed", "/grown", "file 0644, 1 bytes", "file 0644, 3 bytes"),
        ("added", "/etc/motd", None, "deleted"),
    ]


def test_volumes_networks_and_ports_are_compared() -> None:
    left = Checkpoint(volumes={"data": {"a": b"1"}}, ports={8081: 8080}, address="10.88.0.5/16")
    right = Checkpoint(volumes={"data": {"a": b"22"}}, ports={}, address="10.88.0.6/16")

    assert differences(left, right, "volumes") == [
        (
            "changed",
            "data",
            "1 file, 1 bytes, at /volumes/data",
            "1 file, 2 bytes, at /volumes/data",
        )
    ]
    assert differences(left, right, "networks") == [
        ("changed", "Network podman, eth0: addresses", "10.88.0.5/16", "10.88.0.6/16"),
        ("removed", "Port :8081/tcp", "the container's 8080", None),
    ]


def test_configuration_is_compared_by_path() -> None:
    left = Checkpoint(config={"runtime": "runc", "healthcheck": None}, labels={"team": "a"})
    right = Checkpoint(config={"runtime": "crun", "healthcheck": {"Test": ["CMD", "x"]}})

    assert differences(left, right, "config") == [
        ("removed", "labels.team", "a", None),
        ("changed", "runtime", "runc", "crun"),
        ("removed", "healthcheck", "nothing", None),
        ("added", "labels", None, "nothing"),
        ("added", "healthcheck.Test[0]", None, "CMD"),
        ("added", "healthcheck.Test[1]", None, "x"),
    ]


def test_the_order_of_variables_does_not_matter() -> None:
    left = Checkpoint(environment=["A=1", "B=2"], spec={"process": {"env": ["A=1", "B=2"]}})
    right = Checkpoint(environment=["B=2", "A=1"], spec={"process": {"env": ["B=2", "A=1"]}})

    assert differences(left, right, "spec") == []


def test_a_container_and_its_clone_differ_in_more_than_their_ids() -> None:
    def bound(container_id: str, name: str) -> Checkpoint:
        source = f"/run/containers/storage/overlay-containers/{container_id}/userdata/{name}"
        mount = {"destination": "/etc/hosts", "type": "bind", "source": source, "options": []}
        return Checkpoint(config={"id": container_id}, spec={"mounts": [mount]})

    assert differences(bound(CONTAINER_ID, "hosts"), bound(CLONE_ID, "hosts"), "mounts") == []
    assert len(differences(bound(CONTAINER_ID, "hosts"), bound(CLONE_ID, "other"), "mounts")) == 1
    assert ("changed", "id", CONTAINER_ID, CLONE_ID) in differences(
        bound(CONTAINER_ID, "hosts"), bound(CLONE_ID, "hosts"), "config"
    )


def test_there_is_an_end_to_the_differences() -> None:
    left = Checkpoint(written={f"file-{number}": b"" for number in range(2100)})

    section = compared(left, Checkpoint(), "rootfs")

    assert (len(section.differences), section.left_out, section.total) == (2000, 100, 2100)


@pytest.mark.parametrize(
    "left, right, lacking",
    [
        ({}, {"mounts": []}, "Only the second archive tells of it."),
        ({"mounts": []}, {}, "Only the first archive tells of it."),
        ({}, {}, "Neither archive tells of it."),
    ],
)
def test_what_was_not_read_is_told(
    left: dict[str, Any], right: dict[str, Any], lacking: str
) -> None:
    comparison = compare(left, right)

    assert {section.name: section.missing for section in comparison}["mounts"] == lacking
    assert comparison.total == 0


def test_a_long_value_is_cut() -> None:
    left, right = (Checkpoint(labels={"long": letter * 5000}) for letter in "ab")

    (found,) = compared(left, right, "config").differences

    assert found.left == "a" * 500 + "…"
