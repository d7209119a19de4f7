"""Search an archive's memory on its page: hits as they come, one search at a time, noted."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.test import AsyncClient, Client
from django.urls import reverse

from nodes.archives import memory_search
from nodes.archives.files import archive_file
from nodes.archives.memory_search import Query, start_search
from nodes.archives.place import archive_store
from nodes.models import Archive, AuditEvent
from tests.factories import make_archive
from tests.unit.archives import Checkpoint
from tests.unit.criu_images import Program
from tests.web.contents_rows import make_real_archive
from tests.web.text import text_of

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("archives_folder"),
]
MARKUP = "<script>alert(1)</script>"
MEMORY = b"x" * 100 + b"token=swordfish;" + b"\0" * 5000 + "Zürich".encode("utf-16-le") + b"token=2"


def archive_with(memory: bytes = MEMORY) -> Archive:
    return make_real_archive(Checkpoint(programs=[Program(memory=memory)]))


def asked(**changes: str) -> dict[str, str]:
    return {"pid": "1", "pattern": "swordfish", "is_regex": "", "context_bytes": "16", **changes}


def address(archive: Archive) -> str:
    return reverse("archive-memory-search", args=[archive.pk])


async def found(user: User, archive: Archive, **changes: str) -> str:
    """Search as a browser does, and return the whole page."""
    browser = AsyncClient()
    await browser.aforce_login(user)
    response: Any = await browser.post(address(archive), asked(**changes))
    assert response.status_code == 200
    page = b"".join([piece async for piece in response.streaming_content])
    return page.decode()


@pytest.fixture(autouse=True)
def no_search_is_left() -> Iterator[None]:
    yield
    assert not memory_search._running


async def test_a_hit_is_shown_with_what_is_around_it(ada: User) -> None:
    html = await found(ada, await sync_to_async(archive_with)())
    assert "<mark>swordfish</mark>" in html
    assert "xxxtoken=" in html
    assert "1 hit<" in html
    assert "Heap" in html
    assert "000001000" in html  # of its address: the builder's heap begins at 16 MiB
    assert html.rstrip().endswith("</html>")


async def test_text_is_found_in_utf_16_too(ada: User) -> None:
    html = await found(ada, await sync_to_async(archive_with)(), pattern="Zürich")
    assert "<mark>Zürich</mark>" in html
    assert "UTF-16" in html.partition('id="hits"')[2]


async def test_a_regular_expression_finds_all_that_fit(ada: User) -> None:
    archive = await sync_to_async(archive_with)()
    html = await found(ada, archive, pattern="token=[a-z0-9]+", is_regex="yes")
    assert "<mark>token=swordfish</mark>" in html
    assert "<mark>token=2</mark>" in html
    assert "2 hits<" in html


async def test_the_case_can_be_ignored(ada: User) -> None:
    archive = await sync_to_async(archive_with)()
    assert "0 hits<" in await found(ada, archive, pattern="SWORDFISH")
    assert "1 hit<" in await found(ada, archive, pattern="SWORDFISH", ignore_case="on")


async def test_it_says_how_much_was_searched(ada: User) -> None:
    archive = await sync_to_async(archive_with)(b"y" * 4096 * 4)
    assert "of memory searched in" in await found(ada, archive, pattern="no such thing")


async def test_it_says_when_there_are_more_hits(ada: User) -> None:
    archive = await sync_to_async(archive_with)(b"again " * 1000)
    html = await found(ada, archive, pattern="again")
    assert "200 hits<" in html
    assert "There are more" in html


async def test_it_says_when_the_time_is_over(ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_search, "LONGEST_S", -1.0)
    html = await found(ada, await sync_to_async(archive_with)())
    assert "Given up" in html


async def test_what_memory_holds_is_shown_as_it_is(ada: User) -> None:
    archive = await sync_to_async(archive_with)(f"before {MARKUP} after".encode())
    html = await found(ada, archive, pattern="alert", context_bytes="48")
    assert "<mark>alert</mark>" in html
    assert "<script>alert" not in html
    assert "<script><mark>" not in html


async def test_a_file_that_is_no_archive_any_more_is_told(ada: User, archives_folder: Any) -> None:
    archive = await sync_to_async(archive_with)()
    (archives_folder / archive.key).write_bytes(b"nothing")
    assert "The file is not a checkpoint archive" in await found(ada, archive)


def test_the_audit_log_has_the_search_but_not_what_was_looked_for(
    ada: User, adas_browser: Client
) -> None:
    archive = archive_with()
    path = path_of(archive)
    start_search(ada, archive, path, Query(pid=1, pattern="swordfish")).wait()
    event = AuditEvent.objects.get(action="archive.search-memory")
    assert event.detail == {
        "archive": archive.pk, "pid": 1, "is_regex": False, "pattern_chars": 9,
    }  # fmt: skip
    assert "swordfish" not in text_of(adas_browser.get("/audit/"))


def path_of(archive: Archive) -> Any:
    return archive_file(archive, archive_store())


class _Stuck:
    """A search that goes on until it is let go."""

    searched_bytes = 0
    cut_short = False

    def __init__(self) -> None:
        self.let_go = threading.Event()

    def __iter__(self) -> Iterator[Any]:
        self.let_go.wait(10)
        return iter(())


@pytest.fixture
def stuck(monkeypatch: pytest.MonkeyPatch) -> Iterator[_Stuck]:
    search = _Stuck()
    monkeypatch.setattr(memory_search, "search_memory", lambda *args, **options: search)
    yield search
    search.let_go.set()


def test_a_second_search_of_the_same_user_has_to_wait(
    ada: User, adas_browser: Client, stuck: _Stuck
) -> None:
    archive = archive_with()
    first = start_search(ada, archive, path_of(archive), Query(pid=1, pattern="x"))
    response = adas_browser.post(address(archive), asked())
    assert response.status_code == 409
    assert "You are searching an archive’s memory already" in text_of(response).replace("'", "’")
    stuck.let_go.set()
    first.wait()


async def test_a_browser_that_goes_away_ends_its_search(ada: User) -> None:
    archive = await sync_to_async(archive_with)(b"a" * 4096 * 64)
    browser = AsyncClient()
    await browser.aforce_login(ada)
    response: Any = await browser.post(address(archive), asked(pattern="nothing"))
    pieces = response.streaming_content
    await anext(pieces)
    await pieces.aclose()
    for _ in range(100):
        if not memory_search._running:
            break
        await asyncio.sleep(0.05)
    assert not memory_search._running


async def test_a_browser_that_leaves_before_anything_was_sent_ends_its_search(
    ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory_search, "PATIENCE_S", -1.0)
    archive = await sync_to_async(archive_with)(b"a" * 4096 * 64)
    query = Query(pid=1, pattern="nothing")
    search = await sync_to_async(start_search)(ada, archive, path_of(archive), query)
    # Whoever waits for the end is somebody; here nobody does.
    for _ in range(100):
        if search.has_ended:
            break
        await asyncio.sleep(0.02)
    assert search.timed_out
    assert search.searched_bytes == 0


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"pattern": "(", "is_regex": "yes"}, "cannot be searched for that"),
        ({"pattern": ".*", "is_regex": "yes"}, "cannot be searched for that"),
        ({"pattern": ""}, "This field is required"),
        ({"pid": "7"}, "Select a valid choice"),
        ({"context_bytes": "100000"}, "Select a valid choice"),
    ],
)
def test_a_question_that_cannot_be_meant_is_refused(
    adas_browser: Client, changes: dict[str, str], words: str
) -> None:
    response = adas_browser.post(address(archive_with()), asked(**changes))
    assert response.status_code == 422
    assert words in text_of(response)
    assert not AuditEvent.objects.filter(action="archive.search-memory").exists()


def test_an_unread_archive_has_to_be_read_first(adas_browser: Client) -> None:
    assert "Not read yet" in text_of(adas_browser.get(address(make_archive())))
