"""Take the file of a multipart form into the catalog: it is never whole in memory.

Before any of this runs, the body of the request lies on the disk as migrationsite/request_body.py
left it there, and goes when the request has been answered.
"""

from __future__ import annotations

from typing import Any, cast

from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, SkipFile, StopUpload
from django.http import HttpRequest

from nodes.archives.receive import end_upload, receive_upload
from nodes.archives.room import Promise
from nodes.catalog.store import READ_BYTES, IncomingFile, Store
from nodes.live import ping_archives
from nodes.models import Archive
from nodes.problem import FerryError

FIELD = "file"


class FormFile(FileUploadHandler):
    """Take the first file of the field FIELD; what goes wrong is told by ``keep``."""

    chunk_size = READ_BYTES

    def __init__(self, request: HttpRequest, store: Store) -> None:
        super().__init__(request)
        self._user = cast(User, request.user)
        self._store = store
        self._incoming: IncomingFile | None = None
        self._promise: Promise | None = None
        self._name = ""
        self._error: FerryError | None = None
        self._announced_bytes = 0

    def handle_raw_input(
        self,
        input_data: Any,
        META: Any,
        content_length: int,
        boundary: str,
        encoding: str | None = None,
    ) -> None:
        self._announced_bytes = content_length

    def new_file(self, field_name: str, file_name: str, *args: Any, **kwargs: Any) -> None:
        super().new_file(field_name, file_name, *args, **kwargs)
        if field_name != FIELD or self._incoming is not None:
            raise SkipFile
        self._name = file_name
        try:
            self._incoming, self._promise = receive_upload(
                self._store, self._user, self._announced_bytes
            )
        except FerryError as error:
            self._stop(error)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        incoming, promise = self._incoming, self._promise
        if incoming is None or promise is None:
            raise SkipFile
        try:
            async_to_sync(incoming.write)(raw_data)
            promise.came(len(raw_data))
        except FerryError as error:
            self._stop(error)
        if incoming.unreadable is not None:
            self._stop(incoming.unreadable)

    def _stop(self, error: FerryError) -> None:
        # Raised here it would come up wherever the form is first looked at: in a middleware.
        self._error = error
        raise StopUpload(connection_reset=True)

    def file_complete(self, file_size: int) -> UploadedFile[Any] | None:
        return None

    def keep(self, request: HttpRequest, user: User) -> Archive | None:
        """Return the new archive, or None if no file was sent.

        Raises ArchiveUnreadable, AlreadyInCatalog, TooManyUploads and StoreError.
        """
        # The form is read by whoever looks into it first.
        request.FILES.keys()
        if self._error is not None:
            raise self._error
        incoming, self._incoming = self._incoming, None
        if incoming is None:
            return None
        archive = async_to_sync(end_upload)(self._store, incoming, user, self._name)
        async_to_sync(ping_archives)()
        return archive

    def drop(self) -> None:
        """Leave nothing of a file that was not kept, nor of the room that it was promised."""
        if self._incoming is not None:
            self._incoming.discard()
            self._incoming = None
        if self._promise is not None:
            self._promise.release()
            self._promise = None
