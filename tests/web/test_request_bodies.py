"""How long a request may be, and from whom a long one is taken at all."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace

import httpx
import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

from migrationsite import request_body
from migrationsite.asgi import application
from migrationsite.request_body import LARGE
from migrationsite.upload_access import API_PATH
from nodes.models import ApiToken
from tests.unit.archives import Checkpoint

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("archives_folder")]
LIMIT = 10_000


@pytest.fixture(autouse=True)
def small_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_body, "MOST_BYTES", LIMIT)


@pytest.fixture
async def anybody() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(application), base_url="http://localhost"
    ) as client:
        yield client


async def unannounced(size_bytes: int) -> AsyncIterator[bytes]:
    for _ in range(size_bytes // 100):
        yield bytes(100)


@pytest.mark.parametrize("path", ["/account/login/", "/archives/uploads/", "/api/v1/nodes", "/x"])
@pytest.mark.parametrize("is_announced", [True, False])
async def test_a_long_body_is_refused(
    anybody: httpx.AsyncClient, path: str, is_announced: bool
) -> None:
    content = bytes(2 * LIMIT) if is_announced else unannounced(2 * LIMIT)
    answer = await anybody.post(path, content=content)
    assert answer.status_code == 413
    assert f"up to {LIMIT} bytes" in answer.text


async def test_a_short_one_is_taken(anybody: httpx.AsyncClient) -> None:
    answer = await anybody.post("/account/login/", content=unannounced(LIMIT))
    assert answer.status_code == 403  # no token against forgery


async def test_a_whole_archive_is_taken_where_archives_are(
    anybody: httpx.AsyncClient, oscar: User
) -> None:
    content = Checkpoint().pack("none")
    assert len(content) > LIMIT
    token = (await sync_to_async(ApiToken.issue)(oscar, "tests"))[1]
    answer = await anybody.post(
        "/api/v1/archives",
        files={"file": ("counter.tar", content)},
        headers={"Authorization": f"Bearer {token}"},
    )
    assert answer.status_code == 201


class Unread:
    """A body of which nothing may be asked for."""

    def __init__(self) -> None:
        self.was_asked_for = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self.was_asked_for = True
        yield bytes(2 * LIMIT)


async def headers_of(user: User | None) -> dict[str, str]:
    """Return what says who it is: a session for the page, and a token for the API."""
    if user is None:
        return {"Authorization": "Bearer ferry_nobody", "Cookie": "sessionid=nobody"}
    client = Client()
    await sync_to_async(client.force_login)(user)
    token = (await sync_to_async(ApiToken.issue)(user, "tests"))[1]
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    return {
        "Authorization": f"Bearer {token}",
        "Cookie": f"{settings.SESSION_COOKIE_NAME}={session}",
    }


@pytest.mark.parametrize("path", LARGE)
@pytest.mark.parametrize("length", [{}, {"Content-Length": str(2 * LIMIT)}])
async def test_of_a_large_body_nothing_is_taken_from_a_stranger(
    anybody: httpx.AsyncClient, path: str, length: dict[str, str]
) -> None:
    body = Unread()
    answer = await anybody.post(path, content=body, headers={**await headers_of(None), **length})
    assert answer.status_code == (401 if path == API_PATH else 403)
    assert not body.was_asked_for


@pytest.mark.parametrize("path", LARGE)
async def test_nor_from_somebody_who_may_not_upload(
    anybody: httpx.AsyncClient, vera: User, path: str
) -> None:
    body = Unread()
    answer = await anybody.post(path, content=body, headers=await headers_of(vera))
    assert answer.status_code == 403
    assert "vera lacks nodes.add_archive" in answer.text
    assert not body.was_asked_for


async def test_a_program_is_refused_with_a_problem(anybody: httpx.AsyncClient) -> None:
    answer = await anybody.post(API_PATH, content=Unread())
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.json()["code"] == "not_authenticated"


@pytest.mark.parametrize("path", LARGE)
async def test_the_session_or_the_token_lets_a_large_body_in(
    anybody: httpx.AsyncClient, oscar: User, path: str
) -> None:
    body = Unread()
    answer = await anybody.post(path, content=body, headers=await headers_of(oscar))
    # Django has looked at it: there is no token against forgery, or no form.
    assert answer.status_code == (422 if path == API_PATH else 403)
    assert "lacks" not in answer.text
    assert body.was_asked_for


@pytest.mark.parametrize("path", LARGE)
async def test_one_that_would_fill_the_disk_is_refused_before_it_is_read(
    anybody: httpx.AsyncClient, oscar: User, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = await headers_of(oscar)
    monkeypatch.setattr(shutil, "disk_usage", disk_of(5 * LIMIT))
    body = Unread()
    length = {"Content-Length": str(3 * LIMIT)}
    answer = await anybody.post(path, content=body, headers={**headers, **length})
    assert answer.status_code == 507
    assert "disk is full" in answer.text
    assert not body.was_asked_for


async def test_one_that_nobody_announced_is_refused_when_it_would_fill_the_disk(
    anybody: httpx.AsyncClient, oscar: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = await headers_of(oscar)
    monkeypatch.setattr(shutil, "disk_usage", disk_of(5 * LIMIT))
    answer = await anybody.post(API_PATH, content=unannounced(9 * LIMIT), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (507, "store_full")


async def test_some_of_the_disk_stays_free(
    anybody: httpx.AsyncClient, oscar: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = await headers_of(oscar)
    # Of 100 parts 7 are free, of which 5 are nobody's.
    monkeypatch.setattr(shutil, "disk_usage", disk_of(7 * LIMIT, total=100 * LIMIT))
    answer = await anybody.post(API_PATH, content=bytes(2 * LIMIT), headers=headers)
    assert answer.status_code == 507


async def test_bodies_on_their_way_share_the_room(
    anybody: httpx.AsyncClient, oscar: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = await headers_of(oscar)
    monkeypatch.setattr(shutil, "disk_usage", disk_of(5 * LIMIT))
    came, go_on = asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield bytes(LIMIT)
        came.set()
        await go_on.wait()
        yield bytes(LIMIT)

    length = {"Content-Length": str(2 * LIMIT)}
    first = asyncio.create_task(
        anybody.post(API_PATH, content=slow(), headers={**headers, **length})
    )
    await came.wait()
    second = await anybody.post(API_PATH, content=bytes(2 * LIMIT), headers=headers)
    go_on.set()
    assert (second.status_code, (await first).status_code) == (507, 422)
    third = await anybody.post(API_PATH, content=bytes(2 * LIMIT), headers=headers)
    assert third.status_code == 422


def disk_of(free_bytes: int, *, total: int = 0) -> Callable[[object], SimpleNamespace]:
    return lambda folder: SimpleNamespace(free=free_bytes, total=total)
