"""A websocket into the ASGI application (channels.testing wants daphne, which Ferry has not)."""

from __future__ import annotations

from typing import Any

from asgiref.testing import ApplicationCommunicator
from django.conf import settings
from django.test import Client

from migrationsite.asgi import application

RECEIVE_S = 3.0


class Socket:
    def __init__(
        self, path: str, client: Client | None = None, *, origin: str = "http://localhost"
    ) -> None:
        headers = [(b"origin", origin.encode()), (b"host", b"localhost")]
        if client is not None:
            name = settings.SESSION_COOKIE_NAME
            headers.append((b"cookie", f"{name}={client.cookies[name].value}".encode()))
        path, _, query = path.partition("?")
        scope = {
            "type": "websocket",
            "path": path,
            "query_string": query.encode(),
            "headers": headers,
            "subprotocols": [],
        }
        communicator: Any = ApplicationCommunicator
        self._communicator = communicator(application, scope)

    async def connect(self) -> dict[str, Any]:
        """Return the answer: websocket.accept or websocket.close."""
        await self._communicator.send_input({"type": "websocket.connect"})
        answer: dict[str, Any] = await self._communicator.receive_output(RECEIVE_S)
        return answer

    async def receive(self) -> str:
        message = await self._communicator.receive_output(RECEIVE_S)
        assert message["type"] == "websocket.send"
        return str(message["text"])

    async def close_code(self) -> int:
        message = await self._communicator.receive_output(RECEIVE_S)
        assert message["type"] == "websocket.close"
        return int(message["code"])

    async def is_silent(self, seconds: float) -> bool:
        return bool(await self._communicator.receive_nothing(timeout=seconds))

    async def __aenter__(self) -> Socket:
        answer = await self.connect()
        assert answer["type"] == "websocket.accept", answer
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._communicator.send_input({"type": "websocket.disconnect", "code": 1000})
        await self._communicator.wait(RECEIVE_S)
