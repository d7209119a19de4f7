"""A browser that uploads by the tus protocol, through the whole ASGI application."""

from __future__ import annotations

import base64
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

from migrationsite.asgi import application

PIECE_TYPE = "application/offset+octet-stream"
BEGIN = "/archives/uploads/"


class UploadingBrowser:
    def __init__(self, client: httpx.AsyncClient, token: str) -> None:
        self.client = client
        self.headers = {"X-CSRFToken": token, "Tus-Resumable": "1.0.0"}

    async def begin(self, size_bytes: int, name: str = "counter.tar.zst") -> httpx.Response:
        metadata = f"filename {base64.b64encode(name.encode()).decode()}"
        headers = {"Upload-Length": str(size_bytes), "Upload-Metadata": metadata}
        return await self.client.post(BEGIN, headers={**self.headers, **headers})

    async def send(self, address: str, offset: int, piece: bytes) -> httpx.Response:
        headers = {"Upload-Offset": str(offset), "Content-Type": PIECE_TYPE}
        return await self.client.patch(address, content=piece, headers={**self.headers, **headers})

    async def ask(self, address: str) -> httpx.Response:
        return await self.client.head(address, headers=self.headers)

    async def give_up(self, address: str) -> httpx.Response:
        return await self.client.delete(address, headers=self.headers)

    async def upload(
        self, content: bytes, name: str = "counter.tar.zst", piece_bytes: int = 1000
    ) -> httpx.Response:
        """Send it all, and return the answer to the last piece, or to the first that fails."""
        answer = await self.begin(len(content), name)
        address = answer.headers.get("Location", "")
        for start in range(0, len(content), piece_bytes):
            if answer.is_error:
                break
            answer = await self.send(address, start, content[start : start + piece_bytes])
        return answer


@asynccontextmanager
async def uploading_browser(user: User) -> AsyncIterator[UploadingBrowser]:
    """Sign in, and read the token against forgery from a page."""
    signed_in = Client()
    await sync_to_async(signed_in.force_login)(user)
    session = signed_in.cookies[settings.SESSION_COOKIE_NAME].value
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(application),
        base_url="http://localhost",
        cookies={settings.SESSION_COOKIE_NAME: session},
    ) as client:
        page = await client.get("/archives/upload/")
        token = re.search(r'"X-CSRFToken": "(\w+)"', page.text)
        assert token is not None, page.status_code
        yield UploadingBrowser(client, token[1])
