"""Whatever an archive holds, reading it ends, in bounded memory, with contents or a reason."""

from __future__ import annotations

import contextlib
import io
import json
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodes.catalog.errors import ArchiveUnreadable
from nodes.catalog.index import read_contents
from nodes.catalog.index_budget import Budget
from nodes.catalog.index_images import Images, Pagemap
from nodes.catalog.index_memory import memory_of
from nodes.catalog.index_processes import in_order
from nodes.catalog.members import Limits, read_members
from nodes.criu.images.memory import AddressSpace, PageRun
from nodes.criu.images.tasks import TreeEntry
from tests.unit.archives import Checkpoint, tar
from tests.unit.criu_images import Program, image, message, regular

PLAIN = Checkpoint(programs=[Program(memory=b"x" * 5000)], written={"new": b"1"}).pack("none")


def entry(pid: int, ppid: int) -> TreeEntry:
    return TreeEntry(pid=pid, ppid=ppid, pgid=1, sid=1, threads=(pid,))


def space(*mappings: tuple[int, int]) -> AddressSpace:
    return AddressSpace(
        start_stack=1 << 50,
        heap=range(0),
        arguments=range(0),
        environment=range(0),
        executable_id=0,
        vmas=tuple(message({1: start, 2: end, 7: 1 | 512}) for start, end in mappings),
    )


def images_of(memory: AddressSpace, *runs: PageRun) -> Images:
    images = Images(Budget())
    images.tree = [entry(1, 0)]
    images.spaces = {1: memory}
    images.pagemaps = {1: Pagemap()}
    for run in runs:
        images.pagemaps[1].add(run)
    return images


@pytest.mark.parametrize("length", [0, 1, 511, 512, 5000, len(PLAIN) // 2, len(PLAIN) - 10_240])
def test_a_file_that_is_cut_off_is_unreadable(length: int) -> None:
    with pytest.raises(ArchiveUnreadable):
        read_contents(io.BytesIO(PLAIN[:length]))


def test_a_large_archive_takes_little_memory() -> None:
    packed = Checkpoint(
        programs=[Program(memory=bytes(16 << 20))],
        volumes={"data": {"large": bytes(4 << 20)}},
        log="x" * (4 << 20),
    ).pack()

    tracemalloc.start()
    contents = read_contents(io.BytesIO(packed))
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert contents.unpacked_bytes >= 24 << 20
    assert peak_bytes < 5 << 20


@settings(max_examples=150, deadline=None)
@given(at=st.integers(0, len(PLAIN) - 1), byte=st.integers(0, 255))
def test_any_changed_byte_ends_with_contents_or_a_reason(at: int, byte: int) -> None:
    changed = bytearray(PLAIN)
    changed[at] = byte

    with contextlib.suppress(ArchiveUnreadable):
        json.dumps(read_contents(io.BytesIO(bytes(changed))).sections)


def test_text_that_no_database_takes_is_replaced() -> None:
    # JSON may spell what is no text at all: a zero, half a surrogate pair.
    members: dict[str, bytes | None] = {"ctr.log": b"a\0b", "checkpoint/utsns-12.img": None}
    checkpoint = Checkpoint(labels={"k\0": "\ud800x"}, members=members)

    contents = read_contents(io.BytesIO(checkpoint.pack()))

    assert contents.summary["labels"] == {"k�": "?x"}
    assert contents.sections["log"]["text"] == "a�b"
    json.dumps(contents.sections, ensure_ascii=False).encode()


def test_processes_that_are_their_own_ancestors_are_listed_once() -> None:
    tree = [entry(2, 3), entry(3, 2), entry(4, 4), entry(1, 0), entry(1, 0), entry(5, 1)]

    assert [(found.pid, depth) for found, depth in in_order(tree)] == [
        (1, 0),
        (5, 1),
        (2, 0),
        (3, 1),
        (4, 0),
    ]


def test_two_processes_of_one_number_are_a_note() -> None:
    tree = image("pstree", *({1: pid, 2: 0, 3: 1, 4: 1, 5: [pid]} for pid in (1, 2, 1)))

    contents = read_contents(io.BytesIO(Checkpoint(members={"checkpoint/pstree.img": tree}).pack()))

    assert [process["pid"] for process in contents.sections["processes"]] == [1, 2]
    assert "it has two processes 1" in contents.summary["notes"][0]


def test_a_tree_as_deep_as_it_is_long_is_laid_out() -> None:
    tree = [entry(pid, pid - 1) for pid in range(1, 4000)]

    assert [depth for _, depth in in_order(tree)] == list(range(3999))


def test_overlapping_mappings_count_a_page_once() -> None:
    images = images_of(space((0, 8192), (0, 8192), (4096, 12288)), PageRun(0, 3, True))

    (memory,) = memory_of(images)

    assert [mapping["stored_bytes"] for mapping in memory["mappings"]] == [8192, 0, 4096]
    assert memory["stored_bytes"] == 12288


def test_pages_outside_every_mapping_are_of_another_kind() -> None:
    images = images_of(space((0, 4096)), PageRun(0, 1, True), PageRun(1 << 40, 2, True))

    (memory,) = memory_of(images)

    assert {part["kind"]: part["bytes"] for part in memory["parts"]} == {
        "anonymous": 4096,
        "other": 8192,
    }


def test_runs_out_of_order_end_well() -> None:
    runs = [PageRun(1 << 63, (1 << 64) - 1, True), PageRun(0, 1, True), PageRun(0, 0, True)]
    images = images_of(space((0, (1 << 64) - 1), (5, 3)), *runs)

    (memory,) = memory_of(images)

    assert memory["stored_bytes"] == (1 << 64) * 4096


def test_what_is_too_much_is_cut_short_and_said() -> None:
    budget = Budget({"descriptors in the list": 2, "processes": 1})
    images = Images(budget)
    descriptors = image("fdinfo", *({1: 1, 2: 0, 3: 1, 4: fd} for fd in range(9)))
    tree = image("pstree", *({1: pid, 2: 0, 3: 1, 4: 1, 5: [pid]} for pid in range(1, 6)))

    images.take("checkpoint/fdinfo-2.img", io.BytesIO(descriptors).read)
    images.take("checkpoint/pstree.img", io.BytesIO(tree).read)

    assert len(images.tree) == 1
    assert budget.notes() == ["Only the first 1 processes were kept, of at least 2."]


def test_names_and_paths_are_bounded_in_all() -> None:
    opened = [regular(fd, "/" + "x" * 4000) for fd in range(3000)]
    checkpoint = Checkpoint(programs=[Program(opened=opened)])

    contents = read_contents(io.BytesIO(checkpoint.pack()))

    paths = [d["path"] for d in contents.sections["files"][0]["descriptors"]]
    assert sum(map(len, paths)) < 9_000_000
    assert "too long in all" in contents.summary["notes"][0]


def test_a_document_of_absurd_size_is_refused() -> None:
    long = json.dumps({"id": "x" * 3_000_000}).encode()

    with pytest.raises(ArchiveUnreadable) as caught:
        read_contents(io.BytesIO(Checkpoint(members={"config.dump": long}).pack()))

    assert "config.dump has 3000010 bytes" in caught.value.problem.cause


def test_a_document_of_absurdly_many_values_is_refused() -> None:
    many = b'{"x": [' + b"[]," * 200_000 + b"[]]}"

    with pytest.raises(ArchiveUnreadable) as caught:
        read_contents(io.BytesIO(Checkpoint(members={"config.dump": many}).pack()))

    assert caught.value.problem.cause == "config.dump has more than 100,000 values."


@pytest.mark.parametrize("count, length", [(250_000, 1), (30_000, 300)])
def test_deletions_beyond_all_measure_are_refused(count: int, length: int) -> None:
    checkpoint = Checkpoint(deleted=["x" * length] * count)

    with pytest.raises(ArchiveUnreadable) as caught:
        read_contents(io.BytesIO(checkpoint.pack()))

    assert caught.value.problem.cause.startswith("deleted.files has ")


def test_a_volume_that_is_no_tar_makes_the_archive_unreadable() -> None:
    with pytest.raises(ArchiveUnreadable):
        read_contents(io.BytesIO(tar(Checkpoint().all_members() | {"volumes/a.tar": b"x" * 2000})))


def test_limits_are_those_of_the_caller() -> None:
    count = sum(1 for _ in read_members(io.BytesIO(PLAIN), Limits()))

    with pytest.raises(ArchiveUnreadable) as caught:
        read_contents(io.BytesIO(PLAIN), Limits(members=count - 1))

    assert str(count - 1) in caught.value.problem.cause
