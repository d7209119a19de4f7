"""The uploads under way: each comes in pieces, and goes on where it broke.

They live in this process only, to which a proxy in front of several has to send all their pieces
(deploy/nginx). Store.prepare drops what a process that was killed leaves of them.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
import time
from dataclasses import dataclass, field

from django.contrib.auth.models import User

from nodes.archives.errors import (
    NoSuchUpload,
    PieceTooLong,
    UploadBusy,
    UploadFailed,
    UploadKept,
    WrongOffset,
)
from nodes.archives.receive import end_upload, receive_upload, to_its_end
from nodes.archives.room import Promise
from nodes.catalog.errors import ArchiveUnreadable
from nodes.catalog.store import IncomingFile, Store
from nodes.live import ping_archives
from nodes.problem import FerryError

IDLE_S = 3600.0
_PIECE_S = 10.0


@dataclass(kw_only=True)
class Upload:
    """One file on its way; afterwards ``archive_id`` or ``error`` tells how it ended."""

    key: str
    user: User
    file_name: str
    size_bytes: int
    store: Store
    incoming: IncomingFile
    promise: Promise
    touched_at: float = field(default_factory=time.monotonic)
    archive_id: int | None = None
    error: FerryError | None = None
    # Whoever sends it does not want it any more; heard until the very moment of keeping it.
    given_up: bool = False
    writing: threading.Lock = field(default_factory=threading.Lock)

    @property
    def offset_bytes(self) -> int:
        return self.incoming.size_bytes

    @property
    def has_ended(self) -> bool:
        return self.archive_id is not None or self.error is not None

    @property
    def is_idle(self) -> bool:
        return time.monotonic() - self.touched_at >= IDLE_S

    def require(self, offset_bytes: int, piece: bytes) -> None:
        """Refuse a piece that changes nothing. Raises the upload's error and UploadError."""
        if self.error is not None:
            raise self.error
        if offset_bytes != self.offset_bytes:
            raise WrongOffset(offset_bytes, self.offset_bytes)
        if self.archive_id is not None and piece:
            raise _too_long()

    def drop(self, error: FerryError) -> None:
        """Leave nothing of it, unless its archive is in the catalog already."""
        if self.archive_id is None:
            self.error = error
            self.incoming.discard()
            self.promise.release()


class Uploads:
    def __init__(self) -> None:
        self._uploads: dict[str, Upload] = {}

    async def begin(self, store: Store, user: User, file_name: str, size_bytes: int) -> Upload:
        """Raises TooManyUploads, ArchiveUnreadable for an empty file, and StoreError."""
        if size_bytes == 0:
            raise ArchiveUnreadable("It is empty.")
        incoming, promise = receive_upload(store, user, size_bytes)
        upload = Upload(
            key=secrets.token_hex(16),
            user=user,
            file_name=file_name,
            size_bytes=size_bytes,
            store=store,
            incoming=incoming,
            promise=promise,
        )
        self._uploads[upload.key] = upload
        self._drop_when_idle(upload)
        return upload

    def get(self, key: str, user: User) -> Upload:
        """Return the user's own upload. Raises NoSuchUpload."""
        upload = self._uploads.get(key)
        if upload is None or upload.user.pk != user.pk:
            raise NoSuchUpload
        return upload

    async def append(self, upload: Upload, offset_bytes: int, piece: bytes) -> None:
        """Write the next piece; with the last one the archive is kept.

        Raises WrongOffset and UploadBusy, after which it may go on; whatever else it raises has
        ended the upload, and nothing is left of the file, unless it had been kept before.
        """
        await to_its_end(self._append(upload, offset_bytes, piece))

    async def _append(self, upload: Upload, offset_bytes: int, piece: bytes) -> None:
        if not upload.writing.acquire(blocking=False):
            raise UploadBusy
        try:
            upload.require(offset_bytes, piece)
            if upload.has_ended:
                return
            await self._write_or_drop(upload, piece)
        finally:
            upload.touched_at = time.monotonic()
            upload.writing.release()
        if upload.archive_id is not None:
            await ping_archives()

    async def _write_or_drop(self, upload: Upload, piece: bytes) -> None:
        try:
            await self._write(upload, piece)
        except BaseException as error:
            upload.drop(error if isinstance(error, FerryError) else UploadFailed(error))
            raise

    async def _write(self, upload: Upload, piece: bytes) -> None:
        if upload.given_up:
            raise NoSuchUpload
        if upload.offset_bytes + len(piece) > upload.size_bytes:
            raise _too_long()
        if unreadable := upload.incoming.unreadable:
            raise unreadable
        await upload.incoming.write(piece)
        upload.promise.came(len(piece))
        if upload.offset_bytes == upload.size_bytes:
            archive = await end_upload(
                upload.store,
                upload.incoming,
                upload.user,
                upload.file_name,
                is_given_up=lambda: upload.given_up,
            )
            upload.archive_id = archive.pk
            upload.promise.release()

    def give_up(self, upload: Upload) -> None:
        """Drop what has come so far, after a piece that is being written.

        Raises UploadBusy while it is not clear yet whether it was in time, and UploadKept if not.
        """
        upload.given_up = True
        if not upload.writing.acquire(timeout=_PIECE_S):
            raise UploadBusy
        try:
            if upload.archive_id is not None:
                raise UploadKept(upload.archive_id)
            self._forget(upload)
        finally:
            upload.writing.release()

    def drop_all(self) -> None:
        """Leave nothing behind of what is under way, as when the site stops."""
        for upload in list(self._uploads.values()):
            upload.given_up = True
            # One that is being kept at this moment ends by itself; or else the next start tidies
            # up after it.
            if upload.writing.acquire(blocking=False):
                self._forget(upload)
                upload.writing.release()
        self._uploads.clear()

    def _forget(self, upload: Upload) -> None:
        if not upload.has_ended:
            upload.drop(NoSuchUpload())
        self._uploads.pop(upload.key, None)

    def _drop_when_idle(self, upload: Upload) -> None:
        if self._uploads.get(upload.key) is not upload:
            return
        if upload.is_idle and upload.writing.acquire(blocking=False):
            self._forget(upload)
            upload.writing.release()
            return
        wait_s = max(upload.touched_at + IDLE_S - time.monotonic(), 1.0)
        asyncio.get_running_loop().call_later(wait_s, self._drop_when_idle, upload)


def _too_long() -> PieceTooLong:
    return PieceTooLong(
        "More bytes came than were announced.",
        remedy="Upload the file again, and do not change it meanwhile.",
    )


uploads = Uploads()
