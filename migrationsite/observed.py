"""Number and count every request, and say that the process lives before anything else is asked."""

from __future__ import annotations

import logging
import re
import time
import uuid
from typing import Any, Final

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nodes.health import traffic
from nodes.log_context import bound

logger = logging.getLogger(__name__)
LIVES = "/healthz"
HEADER: Final = b"x-request-id"
# What a proxy has given it is kept; anything longer or stranger would only soil the log.
_TAKEN = re.compile(r"[A-Za-z0-9._-]{1,64}")


class Observed:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        if scope["type"] == "http" and scope["path"] == LIVES:
            # Neither a database nor a thread is needed for it: they may be what hangs.
            await PlainTextResponse("ok\n")(scope, receive, send)
            return
        with bound(request=_request_id(scope)):
            handle = _answer if scope["type"] == "http" else _keep_live
            await handle(self._app, scope, receive, send)


async def _answer(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    began_s = time.monotonic()
    status = 500

    async def send_numbered(message: Message) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
            MutableHeaders(scope=message)["X-Request-ID"] = scope["request_id"]
        await send(message)

    try:
        await app(scope, receive, send_numbered)
    finally:
        taken_s = time.monotonic() - began_s
        traffic.note_request(scope["method"], status, taken_s)
        # Without the query: people search for things that are nobody else's business.
        logger.debug("%s %s %s %.3f s", scope["method"], scope["path"], status, taken_s)


async def _keep_live(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    accepted = False

    async def send_counted(message: Message) -> None:
        nonlocal accepted
        if message["type"] == "websocket.accept" and not accepted:
            accepted = True
            traffic.pages.inc()
        await send(message)

    try:
        await app(scope, receive, send_counted)
    finally:
        if accepted:
            traffic.pages.dec()


def _request_id(scope: Any) -> str:
    given = next((value for name, value in scope["headers"] if name == HEADER), b"")
    text = given.decode("latin-1")
    scope["request_id"] = text if _TAKEN.fullmatch(text) else uuid.uuid4().hex
    return str(scope["request_id"])
