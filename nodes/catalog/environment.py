"""Read the environment of a process, values included, from its memory in an archive."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from nodes.catalog.members import Limits, Member, read_members
from nodes.catalog.process_memory import NoMemory, Segment, find_pages

# Linux gives arguments and environment together at most 6 MiB (fs/exec.c, _STK_LIM / 4 * 3).
_MOST_BYTES: Final = 6 * 1024 * 1024
# What a page can show; a process that changed its own environment may have anything there.
MOST_VARIABLES: Final = 4000
MOST_VALUE_BYTES: Final = 16 * 1024
_MOST_NAME_BYTES: Final = 256
_PAIR = re.compile(rb"([^\0=]+)=([^\0]*)|[^\0]+")


@dataclass(frozen=True, kw_only=True)
class Variable:
    name: str
    value: str
    # How many bytes of name and value together are not in them.
    cut_bytes: int


@dataclass(frozen=True, kw_only=True)
class Environment:
    """``left_out`` is how many variables there are beside these."""

    variables: list[Variable]
    left_out: int


def read_environment(source: BinaryIO, pid: int) -> Environment:
    """Return names and values in their order, reading no more of the archive than it must.

    What lies in pages that are not in the archive is left out. Raises ArchiveUnreadable, NoMemory.
    """
    member, segments, space = find_pages(read_members(source, Limits()), pid)
    if space is None:
        raise NoMemory(pid)
    area = range(space.environment.start, space.environment.stop)[:_MOST_BYTES]
    variables: list[Variable] = []
    left_out = 0
    for piece in _read_area(member, segments, area):
        for pair in _PAIR.finditer(piece):
            if not pair[1]:
                continue
            if len(variables) < MOST_VARIABLES:
                variables.append(_variable(pair[1], pair[2]))
            else:
                left_out += 1
    return Environment(variables=variables, left_out=left_out)


def _variable(name: bytes, value: bytes) -> Variable:
    shown_name, shown_value = name[:_MOST_NAME_BYTES], value[:MOST_VALUE_BYTES]
    return Variable(
        name=_text(shown_name),
        value=_text(shown_value),
        cut_bytes=len(name) + len(value) - len(shown_name) - len(shown_value),
    )


def _read_area(member: Member, segments: Iterable[Segment], area: range) -> Iterator[bytes]:
    """Yield what is there of an area of memory, a piece for each gap."""
    at = 0
    for segment in segments:
        start = max(area.start, segment.address)
        end = min(area.stop, segment.address + segment.size_bytes)
        if start >= end:
            continue
        offset = segment.offset + start - segment.address
        member.skip(offset - at)
        yield member.read(end - start)
        at = offset + end - start


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace")
