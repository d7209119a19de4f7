"""Search an archive's memory for somebody: one search at a time, noted, and not for ever."""

from __future__ import annotations

import io
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nodes.archives.change import Actor
from nodes.audit import audit
from nodes.catalog.memory_search import Hit, MemorySearch, search_memory
from nodes.models import Archive
from nodes.problem import FerryError, Problem

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

LONGEST_S = 60.0
# So long a search goes on although nobody has asked for what it found: a browser may have gone
# before there was anything to send.
PATIENCE_S = 10.0
_PIECE_BYTES = 256 * 1024
logger = logging.getLogger(__name__)


class SearchRunning(FerryError):
    code = "search_running"

    def __init__(self) -> None:
        super().__init__(
            "You are searching an archive's memory already.",
            remedy=f"Wait until that search has ended: none takes longer than {LONGEST_S:.0f} s.",
        )


@dataclass(frozen=True, kw_only=True)
class Query:
    pid: int
    pattern: str
    is_regex: bool = False
    ignore_case: bool = False
    context_bytes: int = 48
    most_hits: int = 200


class _GivenUp(Exception):
    """The time is up, or nobody waits any more."""


class _WatchedFile(io.RawIOBase):
    """Count what is read of a file, and ask before each piece whether to go on."""

    def __init__(self, path: Path, check: Callable[[], None]) -> None:
        super().__init__()
        self._file = path.open("rb", buffering=0)
        self._check = check
        self.read_bytes = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        self._check()
        count = self._file.readinto(buffer) or 0
        self.read_bytes += count
        return count

    def close(self) -> None:
        self._file.close()
        super().close()


class Search:
    """A search under way in a thread of its own; ``hits`` grows until ``has_ended``."""

    def __init__(self, user_pk: int, path: Path, query: Query) -> None:
        self.hits: list[Hit] = []
        self.seconds = 0.0
        self.timed_out = False
        # What was wrong with the archive or the process, None while all is well.
        self.problem: Problem | None = None
        self._user_pk = user_pk
        self._file = _WatchedFile(path, self._check)
        self._ended = threading.Event()
        self._began = time.monotonic()
        self._is_wanted = False
        self._is_abandoned = False
        try:
            self._search: MemorySearch = search_memory(
                io.BufferedReader(self._file, _PIECE_BYTES),
                pid=query.pid,
                pattern=query.pattern,
                is_regex=query.is_regex,
                check=self._check,
                ignore_case=query.ignore_case,
                context_bytes=query.context_bytes,
                most_hits=query.most_hits,
            )
        except BaseException:
            self._file.close()
            raise

    @property
    def has_ended(self) -> bool:
        return self._ended.is_set()

    @property
    def read_bytes(self) -> int:
        """Return how far it has come in the archive's file."""
        return self._file.read_bytes

    @property
    def searched_bytes(self) -> int:
        return self._search.searched_bytes

    @property
    def cut_short(self) -> bool:
        """Tell whether it stopped because it had found enough."""
        return self._search.cut_short

    def start(self) -> None:
        threading.Thread(target=self._run, name="memory-search", daemon=True).start()

    def wait(self) -> None:
        self.want()
        self._ended.wait()

    def want(self) -> None:
        """Say that somebody waits for what is found, and will say so when not any more."""
        self._is_wanted = True

    def abandon(self) -> None:
        self._is_abandoned = True

    def _check(self) -> None:
        passed_s = time.monotonic() - self._began
        nobody_came = not self._is_wanted and passed_s > PATIENCE_S
        if self._is_abandoned or nobody_came or passed_s > LONGEST_S:
            raise _GivenUp

    def _run(self) -> None:
        try:
            for hit in self._search:
                self.hits.append(hit)
        except _GivenUp:
            self.timed_out = True
        except FerryError as error:
            self.problem = error.problem
        except Exception:
            logger.exception("a memory search failed")
            self.problem = Problem(
                code="internal_error",
                message="The site itself failed.",
                remedy="Look into the site's log, and report it.",
            )
        finally:
            self.seconds = time.monotonic() - self._began
            self._file.close()
            _running.discard(self._user_pk)
            self._ended.set()


# Of this process: each that serves counts its own.
_running: set[int] = set()
_claiming = threading.Lock()


def start_search(user: Actor, archive: Archive, path: Path, query: Query) -> Search:
    """Begin to search the archive's file. Raises SearchRunning, and BadPattern for a bad pattern.

    The audit log gets the pattern's length only: what is looked for may be a secret itself.
    """
    user_pk = int(getattr(user, "pk", 0) or 0)
    with _claiming:
        if user_pk in _running:
            raise SearchRunning
        _running.add(user_pk)
    try:
        search = Search(user_pk, path, query)
        audit(
            user,
            "archive.search-memory",
            archive,
            archive=archive.pk,
            pid=query.pid,
            is_regex=query.is_regex,
            pattern_chars=len(query.pattern),
        )
        search.start()
    except BaseException:
        _running.discard(user_pk)
        raise
    return search
