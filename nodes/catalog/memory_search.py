"""Search the memory of one process in an archive, streaming, for a text or a pattern."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from nodes.catalog.hexdump import HexLine, hex_lines, printable
from nodes.catalog.members import Limits, Member, read_members
from nodes.catalog.memory_pattern import Found, MemoryPattern
from nodes.catalog.process_memory import STEP_BYTES, Segment, find_pages, to_the_end

# Of a longer hit only the beginning is told.
MOST_HIT_BYTES: Final = 4096
_MOST_CONTEXT_BYTES: Final = 1024


@dataclass(frozen=True, kw_only=True)
class Hit:
    """``address`` in the process's memory, ``offset`` in its pages-N.img."""

    address: int
    offset: int
    # utf-8 or utf-16-le
    encoding: str
    before: bytes
    match: bytes
    after: bytes

    @property
    def text(self) -> str:
        """Return what was found as text, with signs in place of what is none."""
        return printable(self.match.decode(self.encoding, "replace"))

    @property
    def lines(self) -> list[HexLine]:
        return hex_lines(self.address, self.before, self.match, self.after)


def search_memory(
    source: BinaryIO,
    *,
    pid: int,
    pattern: str,
    is_regex: bool,
    check: Callable[[], None] = to_the_end,
    ignore_case: bool = False,
    context_bytes: int = 48,
    most_hits: int = 200,
) -> MemorySearch:
    """Return a search to iterate over. Raises BadPattern at once.

    ``check`` is called every STEP_BYTES of unpacked archive, and raises what is to end the search.
    Its iteration blocks, and raises ArchiveUnreadable, NoMemory, and BadPattern for what fits no
    byte at all.
    """
    return MemorySearch(
        source,
        pid=pid,
        pattern=MemoryPattern(pattern, is_regex=is_regex, ignore_case=ignore_case),
        context_bytes=max(0, min(context_bytes, _MOST_CONTEXT_BYTES)),
        most_hits=most_hits,
        check=check,
    )


class MemorySearch:
    """Iterate once for the hits, in the order of the pages; the counts say how far it came."""

    def __init__(
        self,
        source: BinaryIO,
        *,
        pid: int,
        pattern: MemoryPattern,
        context_bytes: int,
        most_hits: int,
        check: Callable[[], None],
    ) -> None:
        self._source = source
        self._pid = pid
        self._pattern = pattern
        self._context_bytes = context_bytes
        self._most_hits = most_hits
        self._check = check
        self.searched_bytes = 0
        self.hits = 0
        # Whether it stopped because it had found enough.
        self.cut_short = False

    def __iter__(self) -> Iterator[Hit]:
        member, segments, _ = find_pages(
            read_members(self._source, Limits()), self._pid, check=self._check
        )
        for segment in segments:
            for hit in self._search(member, segment):
                if self.hits >= self._most_hits:
                    self.cut_short = True
                    return
                self.hits += 1
                yield hit

    def _search(self, member: Member, segment: Segment) -> Iterator[Hit]:
        """Yield the hits in memory without a gap, of which a part at a time is looked at."""
        buffer, begin = b"", 0
        at, left_bytes = 0, segment.size_bytes
        while left_bytes:
            self._check()
            chunk = member.read(min(STEP_BYTES, left_bytes))
            self.searched_bytes += len(chunk)
            # An archive may promise more pages than it has.
            left_bytes = left_bytes - len(chunk) if chunk else 0
            kept = max(begin, at - self._context_bytes)
            buffer, begin = buffer[kept - begin :] + chunk, kept
            # What begins near the end may go on in the next part: it is for the next turn.
            margin_bytes = MOST_HIT_BYTES + self._context_bytes if left_bytes else 0
            limit = begin + len(buffer) - margin_bytes
            for found in self._pattern.find(buffer, at - begin):
                if left_bytes and begin + found.start >= limit:
                    break
                at = begin + found.end
                yield self._hit(segment, buffer, begin, found)
            at = max(at, limit)

    def _hit(self, segment: Segment, buffer: bytes, begin: int, found: Found) -> Hit:
        start, end = found.start, found.end
        return Hit(
            address=segment.address + begin + start,
            offset=segment.offset + begin + start,
            encoding=found.encoding,
            before=buffer[max(0, start - self._context_bytes) : start],
            match=buffer[start : min(end, start + MOST_HIT_BYTES)],
            after=buffer[end : end + self._context_bytes],
        )
