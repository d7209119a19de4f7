"""The environment of a process is read from its memory, and from nowhere else."""

from __future__ import annotations

import io

import pytest

from nodes.catalog.environment import MOST_VALUE_BYTES, MOST_VARIABLES, read_environment
from nodes.catalog.errors import ArchiveUnreadable
from nodes.catalog.process_memory import NoMemory
from tests.unit.archives import Checkpoint
from tests.unit.criu_images import PRESENT, Program, image


def pairs_of(packed: bytes, pid: int = 1) -> list[tuple[str, str]]:
    found = read_environment(io.BytesIO(packed), pid)
    assert found.left_out == 0
    assert all(variable.cut_bytes == 0 for variable in found.variables)
    return [(variable.name, variable.value) for variable in found.variables]


@pytest.mark.parametrize("compression", ["zstd", "gzip", "none"])
def test_values_are_those_of_the_process(compression: str) -> None:
    programs = [
        Program(environment=["PATH=/bin", "SECRET=hunter2"], memory=bytes(9000)),
        Program(pid=7, ppid=1, environment=["PATH=/usr/bin", "EMPTY=", "PAIR=a=b", "CITY=Zürich"]),
    ]
    packed = Checkpoint(programs=programs).pack(compression)

    assert pairs_of(packed) == [("PATH", "/bin"), ("SECRET", "hunter2")]
    assert pairs_of(packed, 7) == [
        ("PATH", "/usr/bin"),
        ("EMPTY", ""),
        ("PAIR", "a=b"),
        ("CITY", "Zürich"),
    ]


def test_an_environment_of_many_pages_is_read_whole() -> None:
    pairs = [f"NAME_{number}={'x' * 100}" for number in range(2000)]
    packed = Checkpoint(programs=[Program(environment=pairs)]).pack()

    assert [f"{name}={value}" for name, value in pairs_of(packed)] == pairs


def test_of_very_many_variables_the_rest_is_counted() -> None:
    pairs = [f"NAME_{number}=x" for number in range(MOST_VARIABLES + 7)]
    packed = Checkpoint(programs=[Program(environment=pairs)]).pack()

    found = read_environment(io.BytesIO(packed), 1)

    assert (len(found.variables), found.left_out) == (MOST_VARIABLES, 7)


def test_of_a_very_long_value_the_rest_is_counted() -> None:
    program = Program(environment=["LONG=" + "x" * (MOST_VALUE_BYTES + 9), "SHORT=x"])
    found = read_environment(io.BytesIO(Checkpoint(programs=[program]).pack()), 1)

    long, short = found.variables
    assert (long.name, len(long.value), long.cut_bytes) == ("LONG", MOST_VALUE_BYTES, 9)
    assert (short.value, short.cut_bytes) == ("x", 0)


def test_what_is_no_variable_is_left_out() -> None:
    program = Program(environment=["just words", "=nameless", "A=1"])

    assert pairs_of(Checkpoint(programs=[program]).pack()) == [("A", "1")]


def test_the_rest_of_the_archive_is_not_read() -> None:
    packed = Checkpoint(volumes={"data": {"a": bytes(9_000_000)}}).pack("none")
    source = io.BytesIO(packed)

    assert read_environment(source, 1).variables[0].name == "PATH"
    assert source.tell() < 2_000_000


def test_a_process_that_is_not_there_is_told() -> None:
    with pytest.raises(NoMemory, match="process 99"):
        read_environment(io.BytesIO(Checkpoint().pack()), 99)


def test_an_environment_that_is_not_stored_is_empty() -> None:
    elsewhere = image("pagemap", {1: 1}, {1: 0x10000, 4: PRESENT, 5: 1})
    packed = Checkpoint(members={"checkpoint/pagemap-1.img": elsewhere}).pack()

    assert pairs_of(packed) == []


def test_an_environment_that_never_ends_is_cut() -> None:
    endless = image("mm", {10: 0, 11: (1 << 64) - 1})
    pagemap = image("pagemap", {1: 1}, {1: 0, 4: PRESENT, 5: 1 << 30})
    members = {
        "checkpoint/mm-1.img": endless,
        "checkpoint/pagemap-1.img": pagemap,
        "checkpoint/pages-1.img": b"A=" + b"x" * (7 << 20),
    }

    (only,) = read_environment(io.BytesIO(Checkpoint(members=members).pack()), 1).variables

    assert (only.name, len(only.value) + only.cut_bytes) == ("A", (6 << 20) - 2)


def test_an_image_that_is_none_is_told() -> None:
    packed = Checkpoint(members={"checkpoint/mm-1.img": b"hello, world"}).pack()

    with pytest.raises(ArchiveUnreadable) as caught:
        read_environment(io.BytesIO(packed), 1)

    assert "checkpoint/mm-1.img cannot be read" in caught.value.problem.cause
