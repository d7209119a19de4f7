"""Where an archive's file is, and whether it still holds what the catalog says."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from django.utils import timezone

from nodes.archives.change import Actor
from nodes.archives.keep import save_contents
from nodes.audit import audit
from nodes.catalog.contents import Contents
from nodes.catalog.errors import ArchiveMissing, ArchiveUnreadable
from nodes.catalog.index import read_contents
from nodes.catalog.members import Limits
from nodes.catalog.store import READ_BYTES, Store
from nodes.models import Archive, ArchiveOrigin, ArchiveState, ContentsState

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


@dataclass(frozen=True, kw_only=True)
class Verified:
    """``problem`` is "" when the bytes are those of the catalog and can be read."""

    matches: bool
    sha256: str
    found_sha256: str
    readable: bool
    problem: str


def archive_file(archive: Archive, store: Store) -> Path:
    """Return where the archive's file is, and note whether it is. Raises ArchiveMissing."""
    path = store.path(archive.key)
    state = ArchiveState.READY if path.is_file() else ArchiveState.MISSING
    if archive.state != state:
        Archive.objects.filter(pk=archive.pk).update(state=state)
        archive.state = state
    if state == ArchiveState.MISSING:
        raise ArchiveMissing(archive.name)
    return path


def limits_of(archive: Archive) -> Limits:
    """Return what its file may hold at most: what was made elsewhere is not trusted."""
    is_upload = archive.origin == ArchiveOrigin.UPLOAD
    return Limits.for_uploads() if is_upload else Limits()


def verify_archive(user: Actor, archive: Archive, store: Store) -> Verified:
    """Read the whole file again: is its hash the catalog's, and can its contents be read?

    The result is noted in the row. Raises ArchiveMissing.
    """
    found_sha256, contents, unreadable = _read_again(
        archive_file(archive, store), limits_of(archive)
    )
    matches = found_sha256 == archive.sha256
    problems = []
    if not matches:
        problems.append(f"The file has changed: its sha256 is now {found_sha256}.")
    if unreadable is not None:
        problem = unreadable.problem
        problems.append(f"{problem.message} {problem.cause}".strip())
    archive.verified_at = timezone.now()
    archive.verify_problem = " ".join(problems)
    archive.save(update_fields=["verified_at", "verify_problem"])
    if matches and contents is not None and archive.contents_state != ContentsState.READ:
        save_contents(archive, contents)
    audit(
        user, "archive.verify", archive,
        archive=archive.pk, matches=matches, readable=unreadable is None,
    )  # fmt: skip
    return Verified(
        matches=matches,
        sha256=archive.sha256,
        found_sha256=found_sha256,
        readable=unreadable is None,
        problem=archive.verify_problem,
    )


class _HashedFile(io.RawIOBase):
    """Hash whatever is read, so that one pass over a large file does for both questions."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._file = file
        self.hash = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        chunk = self._file.read(len(memoryview(buffer).cast("B")))
        self.hash.update(chunk)
        memoryview(buffer).cast("B")[: len(chunk)] = chunk
        return len(chunk)


def _read_again(
    path: Path, limits: Limits
) -> tuple[str, Contents | None, ArchiveUnreadable | None]:
    contents, unreadable = None, None
    with path.open("rb") as file:
        hashed = _HashedFile(file)
        reader = io.BufferedReader(hashed, READ_BYTES)
        try:
            contents = read_contents(reader, limits)
        except ArchiveUnreadable as error:
            unreadable = error
        # Whatever comes behind what was read belongs to the hash, too.
        while reader.read(READ_BYTES):
            pass
    return hashed.hash.hexdigest(), contents, unreadable
