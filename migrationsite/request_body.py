"""Take the bodies of requests: small ones in memory, uploads on the data folder's disk."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from typing import IO, Any

from channels.db import database_sync_to_async
from django.conf import settings
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpResponse

from migrationsite.upload_access import API_PATH, NotAllowed, uploader_of
from nodes.api.problems import problem_response
from nodes.archives.errors import TooManyUploads
from nodes.archives.room import Promise, reserve_bytes, room
from nodes.problem import FerryError

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
# A piece of an upload (views/upload.py) has up to 16 MiB, and nothing else comes near that.
MOST_BYTES = 17 * 1024**2
# These take a whole archive in one request: the form of the page, and the API.
LARGE = ("/archives/upload/", API_PATH)
# It is kept twice for a while: as a body, and as a file of the catalog.
_COPIES = 2
_PLAIN = "text/plain; charset=utf-8"


class LimitedHandler(ASGIHandler):
    """Refuse long bodies before they come, but for archives from those who may upload them.

    Django itself keeps a body in the system's folder for temporary files, which is often in
    memory, whatever FILE_UPLOAD_TEMP_DIR says (5.2).
    """

    async def handle(self, scope: Any, receive: Receive, send: Send) -> None:
        body: _Body = _SmallBody(receive)
        try:
            announced_bytes = _announced_bytes(scope)
            if scope["path"] in LARGE and not 0 <= announced_bytes <= MOST_BYTES:
                user_pk = await database_sync_to_async(uploader_of)(scope)
                body = _LargeBody(receive, user_pk, is_program=scope["path"] == API_PATH)
            body.expect(announced_bytes)
            await super().handle(scope, body.receive, send)
        except NotAllowed as error:
            await _refuse(send, error.answer)
        finally:
            body.release()

    async def read_body(self, receive: Receive) -> IO[bytes]:
        """Return the whole body. Raises RequestAborted."""
        in_memory_bytes = settings.FILE_UPLOAD_MAX_MEMORY_SIZE
        # Closed by Django, once the request has been answered.
        body: Any = tempfile.SpooledTemporaryFile(  # noqa: SIM115
            max_size=in_memory_bytes, dir=str(settings.FERRY_DATA_DIR)
        )
        try:
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise RequestAborted
                chunk = message.get("body", b"")
                if body.tell() + len(chunk) > in_memory_bytes:
                    # On a slow disk writing would hold everything else up.
                    await asyncio.to_thread(body.write, chunk)
                else:
                    body.write(chunk)
                if not message.get("more_body", False):
                    break
        except BaseException:
            body.close()
            raise
        body.seek(0)
        whole: IO[bytes] = body
        return whole


class _Body:
    """What comes of a request's body, message by message."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive

    def expect(self, announced_bytes: int) -> None:
        """Refuse a body for its announced length; -1 is one of which nobody knows it."""

    def came(self, count_bytes: int) -> None:
        """Refuse a body for what has come of it."""

    def release(self) -> None:
        """Give back what was promised: the body has come, or never will."""

    async def receive(self) -> Any:
        message = await self._receive()
        self.came(len(message.get("body", b"")))
        if not message.get("more_body", False):
            self.release()
        return message


class _SmallBody(_Body):
    def __init__(self, receive: Receive) -> None:
        super().__init__(receive)
        self._came_bytes = 0

    def expect(self, announced_bytes: int) -> None:
        self._require(announced_bytes)

    def came(self, count_bytes: int) -> None:
        self._came_bytes += count_bytes
        self._require(self._came_bytes)

    def _require(self, size_bytes: int) -> None:
        if size_bytes > MOST_BYTES:
            text = f"The request is too long: up to {MOST_BYTES} bytes are taken here.\n"
            raise NotAllowed(HttpResponse(text, status=413, content_type=_PLAIN))


class _LargeBody(_Body):
    """An archive, for which there is to be room on the disk beside all that others send."""

    def __init__(self, receive: Receive, user_pk: int, *, is_program: bool) -> None:
        super().__init__(receive)
        self._user_pk = user_pk
        self._is_program = is_program
        self._promise: Promise | None = None
        self._is_announced = False

    def expect(self, announced_bytes: int) -> None:
        self._is_announced = announced_bytes >= 0
        size_bytes = max(announced_bytes, 0) * _COPIES
        try:
            self._promise = room.promise(self._user_pk, size_bytes, _free_bytes())
        except FerryError as error:
            raise NotAllowed(self._answer(error)) from error

    def came(self, count_bytes: int) -> None:
        if self._promise is None or not count_bytes:
            return
        try:
            if not self._is_announced:
                self._promise.extend(count_bytes * _COPIES, _free_bytes())
        except FerryError as error:
            raise NotAllowed(self._answer(error)) from error
        self._promise.came(count_bytes)

    def release(self) -> None:
        if self._promise is not None:
            self._promise.release()

    def _answer(self, error: FerryError) -> HttpResponse:
        problem, status = error.problem, 429 if isinstance(error, TooManyUploads) else 507
        if self._is_program:
            return problem_response(status, problem)
        text = f"{problem.message} {problem.cause} {problem.remedy}\n"
        return HttpResponse(text, status=status, content_type=_PLAIN)


def _free_bytes() -> int:
    folder = settings.FERRY_DATA_DIR
    return shutil.disk_usage(folder).free - reserve_bytes(folder)


def _announced_bytes(scope: Any) -> int:
    """Return what Content-Length says; -1 where a body comes without one."""
    headers = dict(scope["headers"])
    length = headers.get(b"content-length", b"")
    if length.isdigit():
        return int(length)
    return -1 if b"transfer-encoding" in headers else 0


async def _refuse(send: Send, answer: HttpResponse) -> None:
    # What is still on its way is not read.
    answer["Content-Length"] = str(len(answer.content))
    answer["Connection"] = "close"
    headers = [(name.lower().encode(), value.encode()) for name, value in answer.items()]
    start = {"type": "http.response.start", "status": answer.status_code, "headers": headers}
    await send(start)
    await send({"type": "http.response.body", "body": answer.content})
