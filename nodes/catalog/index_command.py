"""Read the command line of a process, and the names in its environment, from its own memory.

The values of the environment are dropped here: nothing else ever sees them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from nodes.catalog.index_budget import Budget
from nodes.catalog.index_images import Pagemap
from nodes.criu.images.entries import Read
from nodes.criu.images.memory import PAGE_BYTES, AddressSpace
from nodes.criu.images.text import as_text

# A command line may have 128 KiB an argument; what a page shows of it is far less.
_ARGUMENTS_BYTES: Final = 32 * 1024
_ENVIRONMENT_BYTES: Final = 256 * 1024
_MOST_WORDS: Final = 512
# An area lies in few runs of pages: each has one page at least.
_MOST_PIECES: Final = 128
_NAME: Final = re.compile(rb"([A-Za-z_][A-Za-z0-9_.%()-]{0,127})=")


@dataclass(frozen=True, kw_only=True, slots=True)
class CommandLine:
    words: list[str]
    environment: list[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Piece:
    offset: int
    bytes: int


def read_command_line(
    read: Read,
    skip: Callable[[int], int],
    space: AddressSpace,
    pagemap: Pagemap,
    budget: Budget,
) -> CommandLine:
    """Take them from a pages-N.img, reading no more of it than it must.

    What lies in pages that are not in the archive is left out.
    """
    arguments = _pieces(space.arguments, pagemap, _ARGUMENTS_BYTES)
    environment = _pieces(space.environment, pagemap, _ENVIRONMENT_BYTES)
    found: dict[int, bytes] = {}
    at = 0
    for piece in sorted([*arguments, *environment], key=lambda piece: piece.offset):
        if piece.offset < at:
            continue
        skip(piece.offset - at)
        found[piece.offset] = read(piece.bytes)
        at = piece.offset + piece.bytes
    words = b"".join(found.get(piece.offset, b"") for piece in arguments)
    names = b"".join(found.get(piece.offset, b"") for piece in environment)
    # A program that has written its title over its arguments (setproctitle) goes on into its
    # environment, of which the rest then is no list any more.
    whole = len(words) == space.arguments.stop - space.arguments.start
    overwritten = whole and bool(words) and not words.endswith(b"\0")
    return CommandLine(
        words=[budget.text(word) for word in _words(words, overwritten)],
        environment=[name for name in _names(names) if not overwritten and budget.text(name)],
    )


def _words(arguments: bytes, overwritten: bool) -> list[str]:
    if overwritten:
        return [as_text(arguments.partition(b"\0")[0])]
    words = arguments.rstrip(b"\0").split(b"\0")[:_MOST_WORDS]
    return [as_text(word) for word in words] if any(words) else []


def _names(environment: bytes) -> list[str]:
    found = [_NAME.match(pair) for pair in environment.split(b"\0")]
    return [match[1].decode() for match in found if match][:_MOST_WORDS]


def _pieces(area: range, pagemap: Pagemap, most_bytes: int) -> list[_Piece]:
    """Return where in pages-N.img an area of memory lies, as far as it is there without a gap."""
    start, stop = area.start, min(area.stop, area.start + most_bytes)
    runs: list[tuple[int, int, int]] = []
    offset = 0
    for run in pagemap.runs():
        if not run.stored:
            continue
        end = run.address + run.pages * PAGE_BYTES
        if run.address < stop and end > start and len(runs) < _MOST_PIECES:
            runs.append((run.address, end, offset))
        offset += run.pages * PAGE_BYTES
    pieces = []
    for address, end, run_offset in sorted(runs):
        if address > start:
            break
        count = min(end, stop) - start
        if count > 0:
            pieces.append(_Piece(offset=run_offset + start - address, bytes=count))
            start += count
    return pieces
