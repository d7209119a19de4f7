"""Write members into the file of a back-up, hashing as they go."""

from __future__ import annotations

import hashlib
import io
import os
import secrets
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from nodes.backup import manifest as names
from nodes.backup.errors import BackupError
from nodes.backup.manifest import Manifest, Member
from nodes.backup.secret_key import sync_folder

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PIECE_BYTES = 1024 * 1024
_OPTIONS = {int(zstd.CompressionParameter.checksum_flag): 1}


class BackupFile:
    def __init__(self, tar: tarfile.TarFile, manifest: Manifest, folder: Path) -> None:
        self._tar = tar
        self._folder = folder
        self.manifest = manifest

    def add(self, name: str, file: BinaryIO, size_bytes: int) -> Member:
        """Add what is in the file. Raises OSError if it is shorter than that."""
        hashed = _Hashed(file)
        info = tarfile.TarInfo(name)
        info.size, info.mode = size_bytes, 0o600
        self._tar.addfile(info, hashed)  # type: ignore[arg-type]
        member = self.manifest.members[name] = Member(size_bytes, hashed.digest.hexdigest())
        return member

    def add_bytes(self, name: str, data: bytes) -> None:
        self.add(name, io.BytesIO(data), len(data))

    def add_written(self, name: str, write: Callable[[BinaryIO], int]) -> int:
        """Add what ``write`` writes, whose length is only known afterwards; return its answer."""
        with tempfile.TemporaryFile(dir=self._folder) as file:
            answer = write(file)
            size_bytes = file.tell()
            file.seek(0)
            self.add(name, file, size_bytes)
        return answer

    def end(self) -> None:
        data = self.manifest.as_json()
        info = tarfile.TarInfo(names.NAME)
        info.size, info.mode = len(data), 0o600
        self._tar.addfile(info, io.BytesIO(data))


@contextmanager
def backup_file(path: Path, manifest: Manifest) -> Iterator[BackupFile]:
    """Write a back-up that is there whole, or not at all. Raises BackupError."""
    if path.exists():
        raise _is_there(path)
    # Another back-up to the same place may be under way, and somebody else's file be there.
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        # Nobody but this user ever reads it: it holds every secret of the site.
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        with os.fdopen(descriptor, "wb") as raw:
            os.fchmod(raw.fileno(), 0o600)
            with (
                zstd.ZstdFile(raw, "w", options=_OPTIONS) as packed,
                tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT) as tar,
            ):
                file = BackupFile(tar, manifest, path.parent)
                yield file
                file.end()
            raw.flush()
            os.fsync(raw.fileno())
        _put_in_place(part, path)
        sync_folder(path.parent)
    except FileExistsError:
        raise _is_there(path) from None
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        part.unlink(missing_ok=True)


def _put_in_place(part: Path, path: Path) -> None:
    try:
        # Unlike a rename it replaces nothing.
        os.link(part, path)
    except FileExistsError:
        raise
    except OSError:
        # A file system without links, as on a stick.
        part.rename(path)


class _Hashed:
    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def read(self, count: int) -> bytes:
        data = self._file.read(count)
        self.digest.update(data)
        return data


def _is_there(path: Path) -> BackupError:
    return BackupError(
        f"There is a file {path} already.", remedy="Give another name, or move it away."
    )


def _unwritable(path: Path, error: OSError) -> BackupError:
    return BackupError(
        f"The back-up could not be written to {path}.",
        cause=str(error),
        remedy="Give a place with enough room in which this user may write.",
    )
