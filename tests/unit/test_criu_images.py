"""CRIU's images are read for what they are, and nothing but ImageUnreadable comes of bad ones."""

from __future__ import annotations

import contextlib
import io
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodes.criu.images.entries import KINDS, Read, read_entries
from nodes.criu.images.errors import ImageUnreadable
from nodes.criu.images.memory import PageRun, read_address_space, read_pagemap
from nodes.criu.images.open_files import read_descriptors, read_files, read_memfd_names
from nodes.criu.images.tasks import read_host_name, read_ids, read_places, read_task, read_tree
from nodes.criu.images.timings import read_dump_timings
from tests.unit.criu_images import Program, checkpoint_images, entry, image, message, stats_dump

PROGRAM = Program(
    pid=7, ppid=1, name="worker", uid=1000, gid=100, threads={8: "io"}, memory=b"x" * 9000
)
IMAGES = checkpoint_images([PROGRAM], host_name="ferry")


def reader(data: bytes) -> Read:
    return io.BytesIO(data).read


def in_small_pieces(data: bytes) -> Read:
    source = io.BytesIO(data)
    return lambda count: source.read(min(count, 3))


def test_a_process_is_read_from_its_images() -> None:
    (found,) = read_tree(reader(IMAGES["pstree.img"]))
    task, _ = read_task(reader(IMAGES["core-7.img"]))

    assert (found.pid, found.ppid, found.threads) == (7, 1, (7, 8))
    assert (task.name, task.state, task.uid, task.gid) == ("worker", "alive", 1000, 100)
    assert read_task(reader(IMAGES["core-8.img"]))[0].name == "io"
    assert read_ids(reader(IMAGES["ids-7.img"]))[0] == 2
    assert read_host_name(reader(IMAGES["utsns-12.img"])) == "ferry"
    places = read_places(reader(IMAGES["fs-7.img"]))
    assert {places.cwd_id, places.root_id} <= {
        file.file_id for file in read_files(reader(IMAGES["files.img"])) if file.path == "/"
    }


@pytest.mark.parametrize("number, state", [(1, "alive"), (2, "zombie"), (3, "stopped"), (9, "")])
def test_the_state_of_a_process_has_a_word(number: int, state: str) -> None:
    images = checkpoint_images([Program(state=number)])

    assert read_task(reader(images["core-1.img"]))[0].state == state


def test_an_image_may_come_in_small_pieces() -> None:
    files = list(read_files(in_small_pieces(IMAGES["files.img"])))

    assert files == list(read_files(reader(IMAGES["files.img"])))
    assert [file.path for file in files if file.kind == "pipe"] == ["pipe:[70]", "pipe:[71]"]


def test_descriptors_point_at_files() -> None:
    files = {file.file_id: file for file in read_files(reader(IMAGES["files.img"]))}
    descriptors = list(read_descriptors(reader(IMAGES["fdinfo-2.img"])))

    shown = [(d.fd, files[d.file_id].path, files[d.file_id].access) for d in descriptors]
    assert shown == [(0, "/dev/null", "rw"), (1, "pipe:[70]", "w"), (2, "pipe:[71]", "w")]


def test_memory_is_read_with_its_mappings_and_pages() -> None:
    space, left_out = read_address_space(reader(IMAGES["mm-7.img"]), 100)
    pages_id, runs = read_pagemap(reader(IMAGES["pagemap-7.img"]))

    assert (left_out, pages_id) == (0, 1)
    assert [mapping.end - mapping.start for mapping in space.mappings()] == [4096, 12288, 8192]
    stored = sum(run.pages for run in runs if run.stored) * 4096
    assert stored == len(IMAGES["pages-1.img"])


def test_mappings_beyond_the_most_are_counted_and_not_kept() -> None:
    space, left_out = read_address_space(reader(IMAGES["mm-7.img"]), 1)

    assert (len(list(space.mappings())), left_out) == (1, 2)


def test_pages_in_a_parent_or_left_to_later_are_not_stored() -> None:
    runs: list[dict[int, int | bytes | str | list[int] | list[bytes]]] = [
        {1: 0x1000, 2: 0, 4: 4, 5: 1},
        {1: 0x2000, 2: 0, 4: 1, 5: 2},
        {1: 0x4000, 2: 0, 4: 2, 5: 3},
        # As CRIU 3 wrote them: the count in another field, no flags, or in_parent.
        {1: 0x7000, 2: 4},
        {1: 0xB000, 2: 5, 3: 1},
    ]

    _, found = read_pagemap(reader(image("pagemap", {1: 9}, *runs)))

    assert list(found) == [
        PageRun(0x1000, 1, True),
        PageRun(0x2000, 2, False),
        PageRun(0x4000, 3, False),
        PageRun(0x7000, 4, True),
        PageRun(0xB000, 5, False),
    ]


def test_a_file_in_memory_only_has_its_name_in_an_image_of_its_own() -> None:
    data = image("memfd", {1: "cache", 2: 0, 3: 0, 4: 4096, 5: 1, 6: 0, 7: 77})

    assert list(read_memfd_names(reader(data))) == [(77, "cache")]


def test_figures_that_are_not_there_are_left_out() -> None:
    figures = read_dump_timings(reader(stats_dump(frozen_us=1234, pages_written=20)))

    assert ("frozen_time", 1234, "us") in figures
    assert ("pages_written", 20, "pages") in figures
    assert "shpages_written" not in {name for name, _, _ in figures}


def test_a_name_that_is_no_utf8_is_shown_all_the_same() -> None:
    broken = image("utsns", {1: b"h\xffst", 2: ""})

    assert read_host_name(reader(broken)) == "h�st"


def test_a_field_that_we_do_not_know_is_passed_over() -> None:
    newer = image("ids", {1: 1, 2: 5, 3: 1, 4: 1, 99: b"something new"})

    assert read_ids(reader(newer))[0] == 5


@pytest.mark.parametrize(
    "data, cause",
    [
        (b"", "it ends within its magic number"),
        (IMAGES["pstree.img"][:6], "it ends within its magic number"),
        (IMAGES["files.img"], "magic number 0x56303138 where 0x50273030 belongs"),
        (b"\0" * 8, "magic number 0x00000000 where 0x54564319 belongs"),
        (IMAGES["pstree.img"][:-1], "it ends within an entry"),
        (IMAGES["pstree.img"] + b"\x01", "it ends within the size of an entry"),
        (image("pstree") + struct.pack("<I", 1 << 31), "an entry of 2147483648 bytes"),
        (image("pstree") + entry(b"\xff\xff"), "an entry is no pstree message"),
    ],
)
def test_what_is_no_image_says_why(data: bytes, cause: str) -> None:
    with pytest.raises(ImageUnreadable) as caught:
        list(read_tree(reader(data)))

    assert cause in caught.value.problem.cause


def test_an_image_without_an_entry_is_unreadable() -> None:
    with pytest.raises(ImageUnreadable, match="cannot be read"):
        read_task(reader(image("core")))


def test_a_mapping_of_absurd_size_is_unreadable() -> None:
    absurd = image("mm", {14: [message({1: 1, 99: b"x" * 1000})]})

    with pytest.raises(ImageUnreadable):
        read_address_space(reader(absurd), 100)


@settings(max_examples=300, deadline=None)
@given(kind=st.sampled_from(sorted(KINDS)), tail=st.binary(max_size=300))
def test_any_bytes_behind_the_right_magic_number_end_well(kind: str, tail: bytes) -> None:
    with contextlib.suppress(ImageUnreadable):
        for found in read_entries(reader(image(kind) + tail), kind):
            str(found)


@settings(max_examples=300, deadline=None)
@given(
    name=st.sampled_from(sorted(name for name in IMAGES if not name.startswith("pages"))),
    at=st.integers(0, 10_000),
    byte=st.integers(0, 255),
)
def test_any_changed_byte_ends_well(name: str, at: int, byte: int) -> None:
    data = bytearray(IMAGES[name])
    data[at % len(data)] = byte

    with contextlib.suppress(ImageUnreadable):
        _read_whatever(name, bytes(data))


def _read_whatever(name: str, data: bytes) -> None:
    kind = name.split(".")[0].split("-")[0]
    if kind == "mm":
        list(read_address_space(reader(data), 100)[0].mappings())
    elif kind == "pagemap":
        list(read_pagemap(reader(data))[1])
    elif kind == "files":
        list(read_files(reader(data)))
    elif kind == "core":
        read_task(reader(data))
    else:
        list(read_entries(reader(data), kind))
