"""The memory of a process is searched where it lies in the archive, each hit found once."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Sequence

import pytest

from nodes.catalog.errors import ArchiveUnreadable
from nodes.catalog.memory_pattern import BadPattern
from nodes.catalog.memory_search import MOST_HIT_BYTES, Hit, MemorySearch, search_memory
from nodes.catalog.process_memory import STEP_BYTES, NoMemory
from tests.unit.archives import Checkpoint
from tests.unit.criu_images import PRESENT, Program, Value, image

HEAP = 16 << 20
CHUNK = 256 << 10


def searched(
    memory: bytes, pattern: str, *, is_regex: bool = False, ignore_case: bool = False, **most: int
) -> MemorySearch:
    packed = Checkpoint(programs=[Program(memory=memory)]).pack("none")
    return search_memory(
        io.BytesIO(packed),
        pid=1,
        pattern=pattern,
        is_regex=is_regex,
        ignore_case=ignore_case,
        **most,
    )


def found(memory: bytes, pattern: str, **options: bool) -> list[Hit]:
    return list(searched(memory, pattern, **options))


def of_runs(runs: Sequence[dict[int, Value]], pages: bytes) -> io.BytesIO:
    """Return an archive in which process 1 has these runs of pages."""
    members = {
        "checkpoint/pagemap-1.img": image("pagemap", {1: 1}, *runs),
        "checkpoint/pages-1.img": pages,
    }
    return io.BytesIO(Checkpoint(members=members).pack("none"))


def test_a_hit_tells_its_address_and_what_is_around_it() -> None:
    memory = bytes(5000) + b"user=root password=opensesame\0" + bytes(100)

    (hit,) = found(memory, "opensesame")

    assert hit.address == HEAP + 5000 + 19
    assert hit.offset == 5000 + 19
    assert hit.match == b"opensesame"
    assert hit.before.endswith(b"\0user=root password=")
    assert hit.after == bytes(48)
    assert (hit.encoding, hit.text) == ("utf-8", "opensesame")


def test_text_is_found_as_utf_16_too() -> None:
    memory = "Zürich".encode() + bytes(9) + "Zürich".encode("utf-16-le")

    hits = found(memory, "Zürich")

    assert [(hit.address - HEAP, hit.encoding, hit.text) for hit in hits] == [
        (0, "utf-8", "Zürich"),
        (16, "utf-16-le", "Zürich"),
    ]


@pytest.mark.parametrize("text", ["zürich", "ZÜRICH", "Zürich"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le"])
def test_the_case_of_letters_may_not_matter(text: str, encoding: str) -> None:
    memory = bytes(7) + text.encode(encoding)

    assert [hit.text for hit in found(memory, "ZüRiCh", ignore_case=True)] == [text]
    assert found(memory, "ZüRiCh") == []


def test_signs_of_a_text_are_no_pattern() -> None:
    assert [hit.address - HEAP for hit in found(b"abc a.c", "a.c")] == [4]


def test_a_pattern_finds_what_fits() -> None:
    memory = b"token=abc123; TOKEN=xyz789; token=; " + bytes(50)

    exact = found(memory, r"token=[a-z0-9]+", is_regex=True)
    either = found(memory, r"token=[a-z0-9]+", is_regex=True, ignore_case=True)

    assert [hit.match for hit in exact] == [b"token=abc123"]
    assert [hit.match for hit in either] == [b"token=abc123", b"TOKEN=xyz789"]


@pytest.mark.parametrize("before", [*range(CHUNK - 4100, CHUNK + 5, 513), CHUNK - 3, CHUNK - 6])
@pytest.mark.parametrize("is_regex", [True, False])
def test_a_hit_across_parts_is_found_once(before: int, is_regex: bool) -> None:
    memory = bytes(before) + b"needle" + bytes(CHUNK)

    hits = found(memory, "needle", is_regex=is_regex)

    assert [(hit.address - HEAP, hit.match) for hit in hits] == [(before, b"needle")]
    assert len(hits[0].before) == len(hits[0].after) == 48


def test_a_long_hit_across_parts_is_found_whole() -> None:
    memory = bytes(CHUNK - 2000) + b"<" + b"x" * (MOST_HIT_BYTES - 2) + b">" + bytes(CHUNK)

    (hit,) = found(memory, "<x+>", is_regex=True)

    assert len(hit.match) == MOST_HIT_BYTES
    assert hit.match.endswith(b">")


def test_hits_do_not_overlap() -> None:
    assert [hit.address - HEAP for hit in found(b"aaaa" + bytes(100), "aa")] == [0, 2]


def test_what_is_not_beside_each_other_in_memory_is_no_hit() -> None:
    runs: list[dict[int, Value]] = [
        {1: 0x10000, 4: PRESENT, 5: 1},
        {1: 0x11000, 4: PRESENT, 5: 1},
        {1: 0x40000, 4: PRESENT, 5: 1},
    ]
    pages = (bytes(4096 - 3) + b"nee") + (b"dle" + bytes(4096 - 6) + b"nee") + b"dle" + bytes(4093)

    hits = list(search_memory(of_runs(runs, pages), pid=1, pattern="needle", is_regex=False))

    assert [hit.address for hit in hits] == [0x11000 - 3]


def test_pages_that_are_not_in_the_archive_are_passed_over() -> None:
    runs: list[dict[int, Value]] = [
        {1: 0x10000, 4: 1, 5: 1},
        {1: 0x20000, 4: PRESENT, 5: 1},
        {1: 0x30000, 4: 2, 5: 5},
        {1: 0x40000, 4: PRESENT, 5: 1},
    ]
    pages = bytes(4096) + b"needle" + bytes(4090)

    (hit,) = search_memory(of_runs(runs, pages), pid=1, pattern="needle", is_regex=False)

    assert (hit.address, hit.offset) == (0x40000, 4096)


def test_a_search_tells_how_much_it_has_searched_and_when_it_stopped() -> None:
    memory = b"needle " * 1000

    whole, part = searched(memory, "needle", most_hits=1000), searched(memory, "needle")
    assert len(list(whole)) == 1000
    assert len(list(part)) == 200

    assert (whole.hits, whole.cut_short) == (1000, False)
    assert (part.hits, part.cut_short) == (200, True)
    # The heap's two pages, and three of the stack.
    assert whole.searched_bytes == 5 * 4096 - 4096


def test_each_process_has_its_own_memory() -> None:
    programs = [Program(memory=b"needle one"), Program(pid=7, ppid=1, memory=b"needle two")]
    packed = Checkpoint(programs=programs).pack()

    (hit,) = search_memory(io.BytesIO(packed), pid=7, pattern="needle ...", is_regex=True)

    assert hit.match == b"needle two"


def test_a_process_without_memory_is_told() -> None:
    search = search_memory(io.BytesIO(Checkpoint().pack()), pid=99, pattern="x", is_regex=False)

    with pytest.raises(NoMemory, match="process 99"):
        list(search)


@pytest.mark.parametrize(
    "pattern, is_regex, cause",
    [
        ("", False, "nothing to look for"),
        ("x" * 1001, False, "longer than 1000"),
        ("(", True, "Missing )"),
        (r"(a)\1", True, "Invalid escape sequence"),
        ("(?=a)", True, "Invalid perl operator: (?="),
        ("((((a{100}){100}){100}){100})", True, "Invalid repetition size: {100}"),
        ("a.{900}(b|.{900}c)", True, "too large"),
        ("a*", True, "found everywhere"),
        ("\udfff", False, "no text can have"),
    ],
)
def test_what_cannot_be_searched_for_is_told_at_once(
    pattern: str, is_regex: bool, cause: str
) -> None:
    with pytest.raises(BadPattern) as caught:
        searched(b"", pattern, is_regex=is_regex)

    assert cause in caught.value.problem.cause


def test_a_pattern_that_fits_between_bytes_is_told_when_it_does() -> None:
    with pytest.raises(BadPattern):
        found(b"word", r"\b", is_regex=True)


def test_a_pattern_that_is_slow_elsewhere_is_not_here() -> None:
    assert found(b"a" * 500_000, "(a+)+$x", is_regex=True) == []


def test_pages_that_are_promised_and_not_there_end_the_search() -> None:
    runs: list[dict[int, Value]] = [{1: 0x10000, 4: PRESENT, 5: 1 << 40}]

    hits = search_memory(of_runs(runs, b"needle" * 1000), pid=1, pattern="needle", is_regex=False)

    assert len(list(hits)) == 200


def test_pages_beyond_all_memory_are_refused() -> None:
    runs: list[dict[int, Value]] = [{1: 1 << 63, 4: PRESENT, 5: 1 << 63}]

    with pytest.raises(ArchiveUnreadable):
        list(search_memory(of_runs(runs, bytes(4096)), pid=1, pattern="x", is_regex=False))


def test_a_pagemap_that_is_none_is_told() -> None:
    packed = Checkpoint(members={"checkpoint/pagemap-1.img": b"hello, world"}).pack()

    with pytest.raises(ArchiveUnreadable) as caught:
        list(search_memory(io.BytesIO(packed), pid=1, pattern="x", is_regex=False))

    assert "checkpoint/pagemap-1.img cannot be read" in caught.value.problem.cause


def test_a_search_takes_little_memory() -> None:
    packed = Checkpoint(programs=[Program(memory=bytes(40 << 20) + b"needle")]).pack("none")

    tracemalloc.start()
    hits = list(search_memory(io.BytesIO(packed), pid=1, pattern="needle", is_regex=False))
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert len(hits) == 1
    assert peak_bytes < 8 << 20


def test_a_hit_is_shown_as_a_hex_dump() -> None:
    (hit,) = searched(bytes(30) + b"key=needle\x01", "needle", context_bytes=6)

    assert [line.text for line in hit.lines] == [
        f"{HEAP + 16:016x}  " + " " * 36 + "00 00 6b 65  " + " " * 12 + "··ke",
        f"{HEAP + 32:016x}  79 3d 6e 65 65 64 6c 65 01 00 00 00 00 00        y=needle······  ",
    ]
    shown = [byte for line in hit.lines for byte in line.bytes if byte is not None]
    assert "".join(byte.sign for byte in shown if byte.found) == "needle"


class _OverTime(Exception):
    pass


@pytest.mark.parametrize(
    "programs",
    [
        [Program(memory=bytes(8 << 20))],
        [Program(memory=b"x"), Program(pid=7, ppid=1, memory=bytes(8 << 20))],
    ],
)
def test_it_can_be_ended_after_every_step_of_unpacked_memory(programs: list[Program]) -> None:
    # A few packed bytes: the file itself is read but once.
    packed = Checkpoint(programs=programs).pack("zstd")
    calls = 0

    def check() -> None:
        nonlocal calls
        calls += 1

    pid = programs[-1].pid
    list(search_memory(io.BytesIO(packed), pid=pid, pattern="needle", is_regex=False, check=check))

    assert calls >= (8 << 20) // STEP_BYTES


def test_memory_that_is_only_passed_over_can_be_ended_too() -> None:
    programs = [Program(memory=bytes(8 << 20)), Program(pid=7, ppid=1, memory=b"needle")]
    packed = Checkpoint(programs=programs).pack("zstd")
    calls = 0

    def check() -> None:
        nonlocal calls
        calls += 1
        if calls > 20:
            raise _OverTime

    search = search_memory(io.BytesIO(packed), pid=7, pattern="needle", is_regex=False, check=check)
    with pytest.raises(_OverTime):
        list(search)
    assert search.searched_bytes == 0
