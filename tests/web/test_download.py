"""Downloads through the whole ASGI application: ranges, ETag, and one line in the audit log."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from django.contrib.auth.models import User

from migrationsite.asgi import application
from nodes.models import ApiToken, Archive, AuditEvent
from tests.factories import ZSTD_MAGIC, make_archive

pytestmark = pytest.mark.django_db(transaction=True)
CONTENT = ZSTD_MAGIC + bytes(range(256)) * 10_000
ETAG = f'"{hashlib.sha256(CONTENT).hexdigest()}"'


@pytest.fixture
def archive(oscar: User, archives_folder: Path) -> Archive:
    return make_archive(content=CONTENT)


@pytest.fixture
def token(oscar: User) -> str:
    return ApiToken.issue(oscar, "tests")[1]


@pytest.fixture
async def program(token: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(application),
        base_url="http://localhost",
        headers={"Authorization": f"Bearer {token}"},
    ) as client:
        yield client


@pytest.fixture
def address(archive: Archive) -> str:
    return f"/api/v1/archives/{archive.pk}/download"


async def downloads() -> int:
    return await AuditEvent.objects.filter(action="archive.download", user_name="oscar").acount()


async def test_the_whole_file_is_what_its_etag_says(
    program: httpx.AsyncClient, address: str
) -> None:
    response = await program.get(address)
    assert response.status_code == 200
    assert f'"{hashlib.sha256(response.content).hexdigest()}"' == response.headers["ETag"] == ETAG
    assert response.headers["Content-Type"] == "application/zstd"
    assert response.headers["Content-Length"] == str(len(CONTENT))
    assert response.headers["Accept-Ranges"] == "bytes"
    assert (
        response.headers["Content-Disposition"]
        == 'attachment; filename="counter-20261124-021900.tar.zst"'
    )
    assert "X-Sendfile" not in response.headers
    assert "no-cache" in response.headers["Cache-Control"]
    assert await downloads() == 1


@pytest.mark.parametrize(
    "asked, first, last",
    [
        ("bytes=0-99", 0, 99),
        ("bytes=1000000-", 1_000_000, len(CONTENT) - 1),
        ("bytes=-10", len(CONTENT) - 10, len(CONTENT) - 1),
        (f"bytes=5-{10**12}", 5, len(CONTENT) - 1),
    ],
)
async def test_a_part_is_the_right_part(
    program: httpx.AsyncClient, address: str, asked: str, first: int, last: int
) -> None:
    response = await program.get(address, headers={"Range": asked})
    assert response.status_code == 206
    assert response.content == CONTENT[first : last + 1]
    assert response.headers["Content-Range"] == f"bytes {first}-{last}/{len(CONTENT)}"
    assert response.headers["ETag"] == ETAG


@pytest.mark.parametrize("asked", [f"bytes={len(CONTENT)}-", f"bytes={10**9}-{10**9 + 1}"])
async def test_a_part_beyond_the_end_is_refused(
    program: httpx.AsyncClient, address: str, asked: str
) -> None:
    response = await program.get(address, headers={"Range": asked})
    assert response.status_code == 416
    assert response.headers["Content-Range"] == f"bytes */{len(CONTENT)}"


async def test_a_download_goes_on_only_if_the_file_is_the_same(
    program: httpx.AsyncClient, address: str
) -> None:
    same = await program.get(address, headers={"Range": "bytes=10-19", "If-Range": ETAG})
    assert (same.status_code, same.content) == (206, CONTENT[10:20])
    changed = await program.get(address, headers={"Range": "bytes=10-19", "If-Range": '"x"'})
    assert (changed.status_code, changed.content) == (200, CONTENT)


async def test_a_known_file_is_not_sent_again(program: httpx.AsyncClient, address: str) -> None:
    response = await program.get(address, headers={"If-None-Match": ETAG})
    assert (response.status_code, response.content) == (304, b"")
    assert response.headers["ETag"] == ETAG
    assert await downloads() == 0


async def test_head_tells_the_size_and_is_no_download(
    program: httpx.AsyncClient, address: str
) -> None:
    response = await program.head(address)
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["Content-Length"] == str(len(CONTENT))
    assert response.headers["ETag"] == ETAG
    assert await downloads() == 0


async def test_a_download_in_parts_is_one_line_in_the_audit_log(
    program: httpx.AsyncClient, address: str
) -> None:
    step = 1_000_000
    parts = [
        await program.get(address, headers={"Range": f"bytes={start}-{start + step - 1}"})
        for start in range(0, len(CONTENT), step)
    ]
    assert b"".join(part.content for part in parts) == CONTENT
    assert await downloads() == 1


@pytest.mark.parametrize("asked", ["bytes=1-", "bytes=-99999999", "bytes= 0-", "Bytes=0-"])
async def test_no_range_gets_the_file_past_the_audit_log(
    program: httpx.AsyncClient, address: str, asked: str
) -> None:
    response = await program.get(address, headers={"Range": asked})
    assert response.status_code in (200, 206)
    assert await downloads() == 1


async def test_a_path_from_outside_is_never_followed(
    program: httpx.AsyncClient, archive: Archive, address: str
) -> None:
    await Archive.objects.aupdate(key="../../../etc/hostname")
    response = await program.get(address)
    assert response.status_code in (404, 410)


async def test_the_address_of_the_file_cannot_be_chosen(program: httpx.AsyncClient) -> None:
    response = await program.get("/api/v1/site-key", headers={"X-Sendfile": "/etc/passwd"})
    assert "root:" not in response.text
