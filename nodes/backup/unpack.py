"""Take a back-up apart beside the site, and see that all of it is there and as it was."""

from __future__ import annotations

import hashlib
import re
import sys
import tarfile
from pathlib import Path
from typing import IO, Final

from nodes.backup import manifest as names
from nodes.backup.errors import BackupError, BackupUnreadable
from nodes.backup.manifest import Manifest, Member
from nodes.backup.writing import PIECE_BYTES

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_WINDOW_LOG = 27
_MOST_MANIFEST_BYTES = 64 * 1024**2
# A name becomes a path of ours: nothing else is taken.
_NAME: Final = re.compile(
    rf"{names.SECRET_KEY}|{names.ROWS}[a-z_]+\.[a-z_]+|{names.ARCHIVES}[0-9a-f]{{32}}"
)


def unpack(path: Path, folder: Path, files: Path) -> Manifest:
    """Write every member below the folder, archives below ``files``, and return the manifest.

    In constant memory.

    Raises BackupUnreadable for anything but a whole back-up, BackupError without room.
    """
    (folder / names.ROWS).mkdir(parents=True, mode=0o700)
    (files / names.ARCHIVES).mkdir(parents=True, mode=0o700)
    options = {int(zstd.DecompressionParameter.window_log_max): _WINDOW_LOG}
    found: dict[str, Member] = {}
    manifest: Manifest | None = None
    try:
        with (
            zstd.ZstdFile(path, options=options) as packed,
            tarfile.open(fileobj=packed, mode="r|") as tar,
        ):
            for info in tar:
                if manifest is not None or not info.isreg() or info.name in found:
                    raise BackupUnreadable(f"It holds {info.name[:80]!r}, which does not belong.")
                content = tar.extractfile(info)
                if content is None:
                    raise BackupUnreadable(f"{info.name[:80]!r} has no content.")
                if info.name == names.NAME:
                    manifest = Manifest.parse(content.read(_MOST_MANIFEST_BYTES))
                else:
                    below = files if info.name.startswith(names.ARCHIVES) else folder
                    found[info.name] = _take(info.name, content, below)
            # Up to the checksum behind the last frame.
            while packed.read(PIECE_BYTES):
                continue
    except (tarfile.TarError, zstd.ZstdError, EOFError) as error:
        raise BackupUnreadable(f"It is cut off or damaged: {error}.") from error
    except OSError as error:
        raise BackupError(
            "The back-up cannot be unpacked. Nothing was changed.",
            cause=str(error),
            remedy="See that the file can be read, and that the data folder has room for it.",
        ) from error
    return _compared(manifest, found)


def _take(name: str, content: IO[bytes], folder: Path) -> Member:
    if not _NAME.fullmatch(name):
        raise BackupUnreadable(f"It holds {name[:80]!r}, which does not belong.")
    digest, size_bytes = hashlib.sha256(), 0
    with (folder / name).open("xb") as file:
        while piece := content.read(PIECE_BYTES):
            digest.update(piece)
            size_bytes += len(piece)
            file.write(piece)
    return Member(size_bytes, digest.hexdigest())


def _compared(manifest: Manifest | None, found: dict[str, Member]) -> Manifest:
    if manifest is None:
        raise BackupUnreadable("It has no end: its manifest is missing.")
    if found != manifest.members:
        odd = sorted({name for name, _ in found.items() ^ manifest.members.items()})
        raise BackupUnreadable(f"It is not what was written: {', '.join(odd[:5])}.")
    if names.SECRET_KEY not in found:
        raise BackupUnreadable("It holds no secret key.")
    return manifest
