"""The command line and the names in the environment come from the memory of the process."""

from __future__ import annotations

import io
from collections.abc import Sequence

from nodes.catalog.index_budget import Budget
from nodes.catalog.index_command import CommandLine, read_command_line
from nodes.catalog.index_images import Pagemap
from nodes.criu.images.memory import AddressSpace, PageRun

PAGE = 4096
STACK = 1 << 30


def read(
    arguments: bytes,
    environment: bytes,
    *,
    at: int = STACK + 100,
    runs: Sequence[PageRun] = (PageRun(STACK, 4, True),),
    before: bytes = b"",
) -> CommandLine:
    """Lay both out beside each other in the stack's pages, which ``before`` precede."""
    memory = bytearray(4 * PAGE)
    memory[at - STACK : at - STACK + len(arguments + environment)] = arguments + environment
    pagemap = Pagemap()
    for run in runs:
        pagemap.add(run)
    source = io.BytesIO(before + memory)
    between = at + len(arguments)
    space = AddressSpace(
        start_stack=STACK,
        heap=range(0),
        arguments=range(at, between),
        environment=range(between, between + len(environment)),
        executable_id=0,
        vmas=(),
    )
    return read_command_line(
        source.read, lambda count: source.seek(count, io.SEEK_CUR), space, pagemap, Budget()
    )


def test_words_and_names_are_read_across_pages() -> None:
    found = read(b"sh\0-c\0echo a\0", b"PATH=/bin\0A=b=c\0", at=STACK + PAGE - 5)

    assert found.words == ["sh", "-c", "echo a"]
    assert found.environment == ["PATH", "A"]


def test_pages_of_other_memory_before_them_are_skipped() -> None:
    runs = [PageRun(0x1000, 2, True), PageRun(0x9000, 7, False), PageRun(STACK, 4, True)]

    found = read(b"counter\0", b"A=1\0", runs=runs, before=b"\xee" * 2 * PAGE)

    assert (found.words, found.environment) == (["counter"], ["A"])


def test_an_empty_word_is_a_word_and_padding_is_none() -> None:
    assert read(b"sh\0\0x\0\0\0", b"").words == ["sh", "", "x"]


def test_a_title_written_over_the_arguments_is_the_command() -> None:
    found = read(b"nginx: worker process is", b" idle\0swordfish==\0LANG=C\0")

    assert found.words == ["nginx: worker process is"]
    # What is left of the environment there may be half a value.
    assert found.environment == []


def test_what_is_no_name_is_left_out() -> None:
    assert read(b"a\0", b"=x\0no equals\0a b=c\0OK=1\0\xff\xfe=2\0").environment == ["OK"]


def test_without_the_pages_there_is_nothing() -> None:
    found = read(b"counter\0", b"A=1\0", runs=[PageRun(STACK, 4, False)])

    assert (found.words, found.environment) == ([], [])


def test_behind_a_page_that_is_missing_nothing_is_guessed() -> None:
    # The second page is not there: the third is next in the file.
    runs = [PageRun(STACK, 1, True), PageRun(STACK + 2 * PAGE, 2, True)]

    found = read(b"first\0" + b"x" * PAGE + b"\0", b"A=1\0", at=STACK + PAGE - 6, runs=runs)

    assert found.words == ["first"]


def test_areas_of_absurd_size_are_cut() -> None:
    pagemap = Pagemap()
    pagemap.add(PageRun(0, 1 << 52, True))
    everything = range((1 << 64) - 1)
    space = AddressSpace(
        start_stack=0,
        heap=range(0),
        arguments=everything,
        environment=everything,
        executable_id=0,
        vmas=(),
    )
    source = io.BytesIO(b"a=b\0" * 500_000)

    found = read_command_line(source.read, source.seek, space, pagemap, Budget())

    assert len(found.words) <= 512
    assert source.tell() <= 256 * 1024
