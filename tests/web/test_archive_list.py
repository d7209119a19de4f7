"""The catalog's list: what is asked for is in its address, and every link keeps the rest of it."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from nodes.archives import page
from nodes.archives.page import ROWS
from nodes.live import ping_operations
from nodes.models import Archive, ArchiveOrigin, Tag
from tests.factories import make_archive, make_node
from tests.web.text import text_of
from tests.web.websocket import Socket

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("archives_folder")]
LIST = "/archives/"
GIB = 1024**3
EVERY_QUERY = [
    "?q=", "?page=0", "?page=-1", "?page=9999999999999", "?page=x", "?sort=nothing", "?sort=--name",
    "?age=soon", "?size=1e9", "?pinned=perhaps", "?origin=moon", "?tag=%00", "?q=%00", "?node=%27",
    "?q=%25", "?q=" + "x" * 3000, "?unknown=1",
]  # fmt: skip


def names(client: Client, query: str) -> list[str]:
    """Return the names of the rows in their order."""
    response = client.get(f"{LIST}{query}")
    assert response.status_code == 200
    return [archive.name for archive in response.context["page"].archives]


def aged(archive: Archive, days: float) -> None:
    Archive.objects.filter(pk=archive.pk).update(created_at=timezone.now() - timedelta(days=days))


def make_many(count: int) -> None:
    """Make rows without files, of nine names."""
    Archive.objects.bulk_create(
        Archive(key=f"{number:032x}", name=f"archive-{number % 9}") for number in range(count)
    )


@pytest.fixture
def three() -> list[Archive]:
    """Make web of an hour, db of ten days and old of a year ago."""
    alder, birch = make_node("alder"), make_node("birch")
    web = make_archive(
        alder, content=b"1", name="web", container_name="web", image="docker.io/nginx:1",
        pinned=True, note="before the upgrade", memory_bytes=5,
    )  # fmt: skip
    database = make_archive(
        birch, content=b"2", name="db", container_name="db", image="docker.io/postgres:17",
        memory_bytes=9,
    )  # fmt: skip
    old = make_archive(
        content=b"3", name="old", container_name="web", node_name="cedar",
        origin=ArchiveOrigin.UPLOAD,
    )  # fmt: skip
    Archive.objects.filter(pk=database.pk).update(size_bytes=2 * GIB)
    Archive.objects.filter(pk=old.pk).update(size_bytes=GIB // 2)
    for archive, days in ((web, 1 / 24), (database, 10), (old, 365)):
        aged(archive, days)
    web.tags.add(Tag.objects.create(name="team-a"))
    return [web, database, old]


@pytest.mark.parametrize(
    "query, found",
    [
        ("", ["web", "db", "old"]),
        ("?q=nginx", ["web"]),
        ("?q=UPGRADE", ["web"]),
        ("?q=birch", ["db"]),
        ("?node=cedar", ["old"]),
        ("?node=ceda", []),
        ("?container=web", ["web", "old"]),
        ("?image=docker.io/postgres:17", ["db"]),
        ("?age=24h", ["web"]),
        ("?age=30d", ["web", "db"]),
        ("?age=older", ["old"]),
        ("?size=100MiB", ["db", "old"]),
        ("?size=1GiB", ["db"]),
        ("?size=10GiB", []),
        ("?tag=team-a", ["web"]),
        ("?tag=team-b", []),
        ("?pinned=yes", ["web"]),
        ("?pinned=no", ["db", "old"]),
        ("?origin=upload", ["old"]),
        ("?container=web&origin=checkpoint&q=web", ["web"]),
    ],
)
def test_a_filter_shows_what_fits(
    oscars_browser: Client,
    oscars_program: Client,
    three: list[Archive],
    query: str,
    found: list[str],
) -> None:
    assert names(oscars_browser, query) == found
    answer = oscars_program.get(f"/api/v1/archives{query}").json()
    assert [row["name"] for row in answer["items"]] == found


@pytest.mark.parametrize(
    "sort, order",
    [
        ("name", ["db", "old", "web"]),
        ("-name", ["web", "old", "db"]),
        ("container", ["db", "web", "old"]),
        ("node", ["web", "db", "old"]),
        ("size", ["web", "old", "db"]),
        ("-memory", ["db", "web", "old"]),
        ("made", ["old", "db", "web"]),
        ("-made", ["web", "db", "old"]),
    ],
)
def test_a_column_sorts_both_ways(
    oscars_browser: Client, three: list[Archive], sort: str, order: list[str]
) -> None:
    assert names(oscars_browser, f"?sort={sort}") == order


@pytest.mark.parametrize("sort", ["-name", "memory"])
def test_every_archive_is_on_exactly_one_page(oscars_browser: Client, sort: str) -> None:
    make_many(2 * ROWS + 7)
    pages = [
        oscars_browser.get(f"{LIST}?sort={sort}&page={number}").context["page"].archives
        for number in (1, 2, 3)
    ]
    assert [len(archives) for archives in pages] == [ROWS, ROWS, 7]
    together = [(archive.name, archive.pk) for archives in pages for archive in archives]
    assert len(set(together)) == 2 * ROWS + 7
    if sort == "-name":
        assert together == sorted(together, reverse=True)


def test_a_page_beyond_the_last_is_the_last(oscars_browser: Client) -> None:
    make_many(ROWS + 1)
    last = oscars_browser.get(f"{LIST}?page=99").context["page"]
    assert (last.number, last.pages, last.total, last.first_row) == (2, 2, ROWS + 1, ROWS + 1)


def test_what_would_take_long_to_count_is_counted_up_to_a_limit(
    oscars_browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "MOST_COUNTED", 2 * ROWS)
    make_many(3 * ROWS)
    searched = oscars_browser.get(f"{LIST}?q=archive&page=9")
    assert f"of more than {2 * ROWS} archives" in text_of(searched)
    assert searched.context["page"].last_row == 2 * ROWS
    assert f"of {3 * ROWS} archives" in text_of(oscars_browser.get(LIST))


@pytest.mark.parametrize("query", EVERY_QUERY)
def test_what_means_nothing_is_as_if_it_were_not_given(
    oscars_browser: Client, oscars_program: Client, query: str
) -> None:
    make_archive()
    assert oscars_browser.get(f"{LIST}{query}").status_code == 200
    assert oscars_program.get(f"/api/v1/archives{query}").status_code == 200


def test_a_chip_takes_its_own_filter_away_and_leaves_the_others(
    oscars_browser: Client, three: list[Archive]
) -> None:
    text = text_of(oscars_browser.get(f"{LIST}?container=web&age=30d&sort=name&page=1"))
    assert 'aria-label="Remove the filter Made: Last 30 days"' in text
    chips = re.findall(r'class="filter-chip" href="([^"]+)"', text)
    assert chips == [f"{LIST}?container=web&sort=name".replace("container=web", "age=30d"),
                     f"{LIST}?container=web&sort=name"]  # fmt: skip
    assert f'href="{LIST}?sort=name"' in text  # Reset filters


def test_a_heading_sorts_by_itself_then_the_other_way(
    oscars_browser: Client, three: list[Archive]
) -> None:
    first = oscars_browser.get(f"{LIST}?container=web&page=1").context["columns"]
    queries = {column.name: (column.order, column.query) for column in first}
    assert queries["name"] == ("", "container=web&sort=name")
    assert queries["size"] == ("", "container=web&sort=-size")
    assert queries["made"] == ("descending", "container=web&sort=made")
    name = oscars_browser.get(f"{LIST}?sort=name").context["columns"][0]
    assert (name.order, name.query) == ("ascending", "sort=-name")


def test_links_carry_hostile_words_without_becoming_markup(oscars_browser: Client) -> None:
    hostile = "\"><script>alert(1)</script>&sort=name#'"
    make_archive(container_name=hostile, image=hostile, name="x")
    answer = oscars_browser.get(LIST, {"q": hostile, "container": hostile, "node": hostile})
    assert "<script>alert" not in answer.content.decode()
    assert names(oscars_browser, "") == ["x"]
    link = re.search(
        r'href="(/archives/\?container=[^"]+)"', oscars_browser.get(LIST).content.decode()
    )
    assert link is not None
    assert [a.name for a in oscars_browser.get(link[1]).context["page"].archives] == ["x"]


def test_the_empty_catalog_says_what_to_do_and_an_empty_search_what_was_asked(
    oscars_browser: Client,
) -> None:
    assert "No archive yet" in text_of(oscars_browser.get(LIST))
    assert "Nothing found" in text_of(oscars_browser.get(f"{LIST}?q=x"))


def test_a_viewer_sees_nothing_to_change(client: Client, vera: object) -> None:
    client.force_login(vera)  # type: ignore[arg-type]
    archive = make_archive()
    text = text_of(client.get(LIST))
    assert archive.name in text
    assert 'archive-bulk" class' not in text
    assert "/archives/upload/" not in text
    assert f"/archives/{archive.pk}/pin/" not in text


@pytest.mark.django_db(transaction=True)
async def test_a_page_that_is_open_is_renewed_as_it_was_asked_for(
    oscar: User, three: list[Archive]
) -> None:
    client = Client()
    await sync_to_async(client.force_login)(oscar)
    text = text_of(await sync_to_async(client.get)(f"{LIST}?container=web&sort=name&page=1"))
    address = re.search(r'ws-connect="([^"]+view=archives[^"]*)"', text)
    assert address is not None
    async with Socket(address[1], client) as socket:
        assert in_order(await socket.receive()) == ["old", "web"]
        await sync_to_async(make_archive)(name="new", container_name="web", content=b"4")
        await sync_to_async(make_archive)(name="other", container_name="x", content=b"5")
        await ping_operations()
        assert in_order(await socket.receive()) == ["new", "old", "web"]


def in_order(html: str) -> list[str]:
    return re.findall(r'<a class="strong" href="/archives/\d+/">(\w+)</a>', html)
