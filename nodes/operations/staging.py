"""Where an operation keeps its files on a node."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from nodes.ssh.session import NodeSession

STAGING_ROOT = PurePosixPath("/var/lib/ferry")
ARCHIVE_NAME = "archive"

# $1 is the operation's folder. Nobody but root may look into either.
_MAKE = 'umask 077; mkdir -p -m 0700 "${1%/*}" && mkdir -p -m 0700 "$1"'
# $1 is the operation's folder; its parent goes too when no other operation uses it.
_REMOVE = 'rm -rf -- "$1" && { rmdir -- "${1%/*}" 2>/dev/null || true; }'


def staging_folder(operation_id: int) -> PurePosixPath:
    return STAGING_ROOT / str(operation_id)


@dataclass(frozen=True, kw_only=True)
class Staged:
    """A plan whose operation has a folder on each node that takes part."""

    operation_id: int

    @property
    def folder(self) -> PurePosixPath:
        return staging_folder(self.operation_id)

    @property
    def archive_path(self) -> PurePosixPath:
        return self.folder / ARCHIVE_NAME


async def make_staging(session: NodeSession, folder: PurePosixPath) -> None:
    await session.run(["sh", "-c", _MAKE, "make-staging", str(folder)])


async def remove_staging(session: NodeSession, folder: PurePosixPath) -> None:
    await session.run(["sh", "-c", _REMOVE, "remove-staging", str(folder)])


async def file_size_bytes(session: NodeSession, path: PurePosixPath) -> int:
    done = await session.run(["stat", "--format=%s", "--", str(path)], check=False)
    return int(done.stdout) if done.exit_status == 0 else 0
