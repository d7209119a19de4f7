"""How an upload ends: kept for good, or given up with nothing left, and never half of both."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User

from nodes.archives import room as room_module
from nodes.archives import upload as upload_module
from nodes.archives.place import archive_store
from nodes.archives.room import MOST_OF_ONE_USER
from nodes.archives.upload import uploads
from nodes.catalog.store import IncomingFile
from nodes.models import Archive
from tests.unit.archives import Checkpoint
from tests.web.uploading import UploadingBrowser, uploading_browser

pytestmark = pytest.mark.django_db(transaction=True)
CONTENT = Checkpoint().pack()


@pytest.fixture(autouse=True)
def incoming(archives_folder: Path) -> Iterator[Path]:
    yield archives_folder / "incoming"
    uploads.drop_all()


@pytest.fixture
async def browser(oscar: User, incoming: Path) -> AsyncIterator[UploadingBrowser]:
    async with uploading_browser(oscar) as browser:
        yield browser


class SlowReading:
    """Hold every upload just before it is kept, until it is let go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reached, self.let_go = asyncio.Event(), asyncio.Event()
        contents = IncomingFile.contents

        async def held(incoming: IncomingFile) -> Any:
            self.reached.set()
            await self.let_go.wait()
            return await contents(incoming)

        monkeypatch.setattr(IncomingFile, "contents", held)


async def kept_file(folder: Path) -> bytes:
    archive = await Archive.objects.aget()
    return (folder / archive.key).read_bytes()


async def test_one_more_byte_after_the_end_is_refused_and_the_archive_stays(
    browser: UploadingBrowser, archives_folder: Path
) -> None:
    address = (await browser.begin(len(CONTENT))).headers["Location"]
    kept = await browser.send(address, 0, CONTENT)
    refused = await browser.send(address, len(CONTENT), b"x")
    assert (refused.status_code, refused.json()["code"]) == (413, "piece_too_long")
    assert await kept_file(archives_folder) == CONTENT
    there = await browser.ask(address)
    assert there.headers["Ferry-Archive"] == kept.headers["Ferry-Archive"]


async def test_pages_that_cannot_be_told_cost_no_archive(
    browser: UploadingBrowser, archives_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails() -> None:
        raise ConnectionError("no channel layer")

    monkeypatch.setattr(upload_module, "ping_archives", fails)
    address = (await browser.begin(len(CONTENT))).headers["Location"]
    assert (await browser.send(address, 0, CONTENT)).status_code == 500
    assert await kept_file(archives_folder) == CONTENT
    assert (await browser.ask(address)).headers["Ferry-Archive"]


async def test_giving_up_is_heard_until_the_archive_is_kept(
    browser: UploadingBrowser, archives_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = SlowReading(monkeypatch)
    address = (await browser.begin(len(CONTENT))).headers["Location"]
    last_piece = asyncio.create_task(browser.send(address, 0, CONTENT))
    await slow.reached.wait()
    given_up = asyncio.create_task(browser.give_up(address))
    await asyncio.sleep(0.2)
    slow.let_go.set()
    assert (await given_up).status_code == 204
    assert (await last_piece).status_code == 404
    assert not await Archive.objects.aexists()
    assert [path.name for path in archives_folder.rglob("*")] == ["incoming"]


async def test_it_is_told_while_it_is_not_clear_yet_and_given_up_all_the_same(
    browser: UploadingBrowser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload_module, "_PIECE_S", 0.01)
    slow = SlowReading(monkeypatch)
    address = (await browser.begin(len(CONTENT))).headers["Location"]
    last_piece = asyncio.create_task(browser.send(address, 0, CONTENT))
    await slow.reached.wait()
    assert (await browser.give_up(address)).status_code == 423
    slow.let_go.set()
    await last_piece
    assert (await browser.give_up(address)).status_code == 204
    assert not await Archive.objects.aexists()


async def test_it_is_too_late_to_give_up_what_was_kept(
    browser: UploadingBrowser, archives_folder: Path
) -> None:
    address = (await browser.begin(len(CONTENT))).headers["Location"]
    kept = await browser.send(address, 0, CONTENT)
    answer = await browser.give_up(address)
    assert (answer.status_code, answer.json()["code"]) == (409, "upload_kept")
    assert answer.json()["archive"] == kept.headers["Ferry-Archive"]
    assert await kept_file(archives_folder) == CONTENT


async def test_a_reading_that_cannot_begin_leaves_nothing(
    browser: UploadingBrowser, incoming: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*args: object) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as broken:
        broken.setattr(IncomingFile, "start_reading", fails)
        for _ in range(MOST_OF_ONE_USER):
            assert (await browser.begin(len(CONTENT))).status_code == 500
    assert list(incoming.iterdir()) == []
    assert (await browser.upload(CONTENT)).headers["Ferry-Archive"]


async def test_room_that_nothing_comes_for_is_given_to_others(
    browser: UploadingBrowser, monkeypatch: pytest.MonkeyPatch
) -> None:
    most_bytes = archive_store().free_bytes() * 2 // 3
    address = (await browser.begin(most_bytes)).headers["Location"]
    assert (await browser.begin(most_bytes)).status_code == 507
    monkeypatch.setattr(room_module, "LAPSES_AFTER_S", 0.0)
    assert (await browser.begin(most_bytes)).status_code == 201
    # Whoever comes back may go on all the same.
    assert (await browser.send(address, 0, CONTENT[:10])).status_code == 204


async def test_a_file_in_a_form_counts_among_a_users_uploads(
    browser: UploadingBrowser, archives_folder: Path
) -> None:
    begun = [await browser.begin(1000) for _ in range(MOST_OF_ONE_USER)]
    form = {"file": ("counter.tar.zst", CONTENT)}
    refused = await browser.client.post("/archives/upload/", files=form, headers=browser.headers)
    assert refused.status_code == 429
    assert "uploads under way" in refused.text
    await browser.give_up(begun[0].headers["Location"])
    answer = await browser.client.post("/archives/upload/", files=form, headers=browser.headers)
    assert answer.status_code == 302
    assert await kept_file(archives_folder) == CONTENT


async def test_what_has_ended_counts_no_longer(browser: UploadingBrowser) -> None:
    for number in range(MOST_OF_ONE_USER + 1):
        content = Checkpoint(name=f"counter-{number}").pack()
        assert (await browser.upload(content)).headers["Ferry-Archive"]
