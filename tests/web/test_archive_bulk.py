"""What is done with the archives that were chosen in the list."""

from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.contrib.auth.models import User
from django.test import Client

from nodes.models import Archive, AuditEvent, Container, Node, Tag
from tests.factories import ZSTD_MAGIC, make_archive, make_operation
from tests.web.text import text_of
from tests.web.uploading import uploading_browser

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("archives_folder")]
CHANGE, DELETE, DOWNLOAD = "/archives/change/", "/archives/delete/", "/archives/download/"


@pytest.fixture
def three() -> list[Archive]:
    return [
        make_archive(name=f"archive-{number}", content=ZSTD_MAGIC + bytes([number]) * 1000)
        for number in range(3)
    ]


def chosen(*archives: Archive, **more: str) -> dict[str, Any]:
    return {"archive": [archive.pk for archive in archives], **more}


def pinned() -> list[str]:
    return sorted(Archive.objects.filter(pinned=True).values_list("name", flat=True))


def test_the_chosen_are_pinned_and_unpinned(oscars_browser: Client, three: list[Archive]) -> None:
    answer = oscars_browser.post(CHANGE, chosen(*three[:2], action="pin"), follow=True)
    assert "2 archives are now pinned." in text_of(answer)
    assert pinned() == ["archive-0", "archive-1"]
    oscars_browser.post(CHANGE, chosen(*three[1:], action="unpin"))
    assert pinned() == ["archive-0"]
    # One line for each that has really changed.
    assert AuditEvent.objects.filter(action="archive.edit").count() == 3


def test_a_tag_is_put_on_the_chosen_and_taken_off(
    oscars_browser: Client, three: list[Archive]
) -> None:
    three[0].tags.add(Tag.objects.create(name="kept"))
    oscars_browser.post(CHANGE, chosen(*three, action="tag", tag_name=" Before-Upgrade "))
    tagged = Archive.objects.filter(tags__name="before-upgrade")
    assert tagged.count() == 3
    oscars_browser.post(CHANGE, chosen(*three[:2], action="untag", tag_name="before-upgrade"))
    assert list(tagged.all()) == [three[2]]
    assert list(three[0].tags.values_list("name", flat=True)) == ["kept"]


@pytest.mark.parametrize("tag", ["", "no/slash", "<script>alert(1)</script>", "x" * 41])
def test_what_is_no_tag_is_put_on_none(
    oscars_browser: Client, three: list[Archive], tag: str
) -> None:
    answer = oscars_browser.post(CHANGE, chosen(*three, action="tag", tag_name=tag), follow=True)
    assert "A tag has up to 40 small letters" in text_of(answer)
    assert not Tag.objects.exists()
    assert not AuditEvent.objects.exists()


@pytest.mark.parametrize("address", [CHANGE, DELETE, DOWNLOAD])
@pytest.mark.parametrize("keys", [[], ["0"], ["-1"], ["x"], ["9" * 30]])
def test_nothing_chosen_changes_nothing(
    oscars_browser: Client, three: list[Archive], address: str, keys: list[str]
) -> None:
    form = {"archive": keys, "action": "pin", "confirmed": "yes", "query": "q=archive"}
    answer = oscars_browser.post(address, form)
    assert (answer.status_code, answer["Location"]) == (302, "/archives/?q=archive")
    assert "Choose some archives first." in text_of(oscars_browser.get(answer["Location"]))
    assert Archive.objects.count() == 3


def test_deleting_says_first_what_is_lost_and_what_is_kept(
    oscars_browser: Client, three: list[Archive], counter: Container
) -> None:
    Archive.objects.filter(pk=three[0].pk).update(pinned=True)
    make_operation(counter.node, Node.objects.get(name="birch"), archive=three[1])
    answer = oscars_browser.post(DELETE, chosen(*three, query="q=x"))
    assert [archive.name for archive in answer.context["lost"]] == ["archive-2"]
    page = text_of(answer)
    assert "Delete 1 archive?" in page
    assert "The archive is pinned." in page
    assert "An operation still needs the archive." in page
    assert Archive.objects.count() == 3


def test_the_confirmed_are_deleted_and_what_is_needed_meanwhile_is_kept(
    oscars_browser: Client, three: list[Archive], archives_folder: Path
) -> None:
    Archive.objects.filter(pk=three[0].pk).update(pinned=True)
    answer = oscars_browser.post(DELETE, chosen(*three, confirmed="yes"), follow=True)
    page = text_of(answer)
    assert "2 archives deleted." in page
    assert "archive-0 is kept. The archive is pinned." in page
    assert list(Archive.objects.all()) == [three[0]]
    assert not (archives_folder / three[1].key).exists()
    assert (archives_folder / three[0].key).exists()
    assert AuditEvent.objects.filter(action="archive.delete").count() == 2


def test_htmx_gets_the_question_as_a_dialog(oscars_browser: Client, three: list[Archive]) -> None:
    answer = oscars_browser.post(DELETE, chosen(*three), headers={"HX-Request": "true"})
    page = text_of(answer)
    assert 'id="dialog-title"' in page
    assert "<html" not in page


async def download(user: User, archives: list[Archive]) -> httpx.Response:
    async with uploading_browser(user) as browser:
        return await browser.client.post(
            DOWNLOAD, data={"archive": [str(a.pk) for a in archives]}, headers=browser.headers
        )


@pytest.mark.django_db(transaction=True)
async def test_the_chosen_are_downloaded_as_one_tar_with_their_sums(
    oscar: User, three: list[Archive]
) -> None:
    answer = await download(oscar, three)
    assert answer.headers["Content-Type"] == "application/x-tar"
    assert answer.headers["Content-Length"] == str(len(answer.content))
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="archives-')
    with tarfile.open(fileobj=io.BytesIO(answer.content)) as tar:
        contents = {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]
    sums = contents.pop("SHA256SUMS").decode().splitlines()
    assert sorted(contents) == [f"archive-{number}.tar.zst" for number in range(3)]
    assert len(sums) == 3
    assert all(
        hashlib.sha256(contents[name]).hexdigest() == digest
        for digest, name in (line.split("  ") for line in sums)
    )
    downloads = AuditEvent.objects.filter(action="archive.download", user_name="oscar")
    assert await downloads.acount() == 3


@pytest.mark.django_db(transaction=True)
async def test_a_file_that_is_gone_is_told_before_anything_is_sent(
    oscar: User, three: list[Archive], archives_folder: Path
) -> None:
    (archives_folder / three[1].key).unlink()
    answer = await download(oscar, three)
    assert answer.status_code == 302
    assert not await AuditEvent.objects.filter(action="archive.download").aexists()
