"""Uploads by the tus protocol: in pieces, taken up where they broke, refused as early as can be."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from django.contrib.auth.models import User

from nodes.archives import upload as upload_module
from nodes.archives.keep import tidy_up
from nodes.archives.place import archive_store
from nodes.archives.room import MOST_OF_ONE_USER
from nodes.archives.upload import uploads
from nodes.models import Archive, ArchiveOrigin, AuditEvent
from tests.factories import make_archive
from tests.unit.archives import Checkpoint
from tests.web.uploading import BEGIN, UploadingBrowser, uploading_browser

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


def files_in(folder: Path) -> list[str]:
    return [path.name for path in folder.glob("*")]


async def test_an_upload_becomes_an_archive_whose_contents_are_known(
    browser: UploadingBrowser, archives_folder: Path, incoming: Path
) -> None:
    answer = await browser.upload(CONTENT, "before the upgrade.tar.zst")
    assert (answer.status_code, answer.headers["Upload-Offset"]) == (204, str(len(CONTENT)))
    archive = await Archive.objects.aget()
    assert answer.headers["Ferry-Archive"] == archive.get_absolute_url()
    assert (archive.name, archive.origin) == ("before-the-upgrade", ArchiveOrigin.UPLOAD)
    assert (archive.container_name, archive.contents_state) == ("counter", "read")
    assert (archives_folder / archive.key).read_bytes() == CONTENT
    assert files_in(incoming) == []
    event = await AuditEvent.objects.aget(action="archive.upload")
    assert (event.user_name, event.detail["sha256"]) == ("oscar", archive.sha256)


async def test_it_goes_on_where_the_connection_broke(browser: UploadingBrowser) -> None:
    address = (await browser.begin(len(CONTENT))).headers["Location"]
    await browser.send(address, 0, CONTENT[:700])
    there = await browser.ask(address)
    assert (there.status_code, there.headers["Upload-Offset"]) == (200, "700")
    assert there.headers["Upload-Length"] == str(len(CONTENT))
    assert there.headers["Cache-Control"] == "no-store"
    answer = await browser.send(address, 700, CONTENT[700:])
    assert answer.headers["Ferry-Archive"]


@pytest.mark.parametrize("offset", [0, 699, 701, len(CONTENT)])
async def test_a_piece_at_a_wrong_offset_changes_nothing(
    browser: UploadingBrowser, offset: int
) -> None:
    address = (await browser.begin(len(CONTENT))).headers["Location"]
    await browser.send(address, 0, CONTENT[:700])
    answer = await browser.send(address, offset, b"wrong")
    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_offset")
    assert (await browser.send(address, 700, CONTENT[700:])).headers["Ferry-Archive"]


async def test_whoever_lost_the_last_answer_can_ask_for_the_archive(
    browser: UploadingBrowser,
) -> None:
    address = (await browser.begin(len(CONTENT))).headers["Location"]
    kept = await browser.send(address, 0, CONTENT)
    assert (await browser.send(address, 0, CONTENT)).json()["code"] == "wrong_offset"
    there = await browser.ask(address)
    assert there.headers["Ferry-Archive"] == kept.headers["Ferry-Archive"]
    assert await Archive.objects.acount() == 1


async def test_what_is_no_archive_is_refused_long_before_its_end(
    browser: UploadingBrowser, incoming: Path
) -> None:
    address = (await browser.begin(10**9)).headers["Location"]
    answer = await browser.send(address, 0, b"no archive" * 1000)
    for _ in range(50):
        if answer.is_error:
            break
        await asyncio.sleep(0.02)
        offset = int(answer.headers["Upload-Offset"])
        answer = await browser.send(address, offset, b"no archive" * 1000)
    assert (answer.status_code, answer.json()["code"]) == (422, "archive_unreadable")
    assert answer.json()["cause"]
    assert files_in(incoming) == []
    assert not await Archive.objects.aexists()
    # It is over: the same is said to whoever goes on.
    assert (await browser.ask(address)).status_code == 422
    assert (await browser.send(address, 0, b"x")).json()["code"] == "archive_unreadable"


@pytest.mark.parametrize(
    "content", [CONTENT[:-100], CONTENT[:50], b"\x28\xb5\x2f\xfd", Checkpoint().pack("none")[:5000]]
)
async def test_an_archive_that_was_cut_off_is_not_kept(
    browser: UploadingBrowser, archives_folder: Path, content: bytes
) -> None:
    answer = await browser.upload(content)
    assert (answer.status_code, answer.json()["code"]) == (422, "archive_unreadable")
    assert files_in(archives_folder) == ["incoming"]
    assert files_in(archives_folder / "incoming") == []


async def test_what_the_catalog_has_already_is_refused_with_a_link(
    browser: UploadingBrowser, incoming: Path
) -> None:
    await browser.upload(CONTENT)
    answer = await browser.upload(CONTENT, "another-name.tar.zst")
    archive = await Archive.objects.aget()
    assert (answer.status_code, answer.json()["archive"]) == (409, archive.get_absolute_url())
    assert files_in(incoming) == []


async def test_an_archive_whose_file_is_gone_can_be_uploaded_again(
    browser: UploadingBrowser, archives_folder: Path
) -> None:
    await browser.upload(CONTENT)
    lost = await Archive.objects.aget()
    (archives_folder / lost.key).unlink()
    assert (await browser.upload(CONTENT)).headers["Ferry-Archive"]


async def test_two_equal_uploads_at_once_are_kept_once(browser: UploadingBrowser) -> None:
    answers = await asyncio.gather(browser.upload(CONTENT), browser.upload(CONTENT))
    assert sorted(answer.status_code for answer in answers) == [204, 409]
    assert await Archive.objects.acount() == 1


async def test_an_upload_is_its_users_own(browser: UploadingBrowser, ada: User) -> None:
    address = (await browser.begin(len(CONTENT))).headers["Location"]
    async with uploading_browser(ada) as another:
        for answer in (
            await another.ask(address),
            await another.send(address, 0, CONTENT),
            await another.give_up(address),
        ):
            assert answer.status_code == 404
    assert (await browser.send(address, 0, CONTENT)).headers["Ferry-Archive"]


async def test_a_user_has_only_so_many_uploads_under_way(
    browser: UploadingBrowser, ada: User
) -> None:
    begun = [await browser.begin(1000) for _ in range(MOST_OF_ONE_USER)]
    assert [answer.status_code for answer in begun] == [201] * MOST_OF_ONE_USER
    refused = await browser.begin(1000)
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_uploads")
    async with uploading_browser(ada) as another:
        assert (await another.begin(1000)).status_code == 201
    await browser.give_up(begun[0].headers["Location"])
    assert (await browser.begin(1000)).status_code == 201


async def test_one_that_is_given_up_leaves_nothing(
    browser: UploadingBrowser, incoming: Path
) -> None:
    address = (await browser.begin(len(CONTENT))).headers["Location"]
    await browser.send(address, 0, CONTENT[:700])
    assert (await browser.give_up(address)).status_code == 204
    assert files_in(incoming) == []
    assert (await browser.send(address, 700, CONTENT[700:])).status_code == 404


async def test_one_that_nobody_goes_on_with_is_dropped(
    browser: UploadingBrowser, incoming: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload_module, "IDLE_S", 0.0)
    address = (await browser.begin(len(CONTENT))).headers["Location"]
    await asyncio.sleep(1.5)
    assert (await browser.ask(address)).status_code == 404
    assert files_in(incoming) == []


async def test_what_finds_no_room_is_refused_before_it_is_sent(
    browser: UploadingBrowser, incoming: Path
) -> None:
    free_bytes = archive_store().free_bytes()
    answer = await browser.begin(free_bytes * 2)
    assert (answer.status_code, answer.json()["code"]) == (507, "store_full")
    assert (await browser.begin(free_bytes * 2 // 3)).status_code == 201
    # The room is promised to the first.
    assert (await browser.begin(free_bytes * 2 // 3)).status_code == 507
    assert len(files_in(incoming)) == 1


@pytest.mark.parametrize("change", [{"X-CSRFToken": ""}, {"X-CSRFToken": "x" * 32}])
async def test_no_piece_is_taken_without_the_token_against_forgery(
    browser: UploadingBrowser, change: dict[str, str]
) -> None:
    address = (await browser.begin(len(CONTENT))).headers["Location"]
    browser.headers |= change
    assert (await browser.begin(10)).status_code == 403
    assert (await browser.send(address, 0, CONTENT)).status_code == 403
    assert (await browser.give_up(address)).status_code == 403


async def test_whoever_is_locked_out_meanwhile_gets_no_further(browser: UploadingBrowser) -> None:
    address = (await browser.begin(len(CONTENT))).headers["Location"]
    await User.objects.filter(username="oscar").aupdate(is_active=False)
    assert (await browser.send(address, 0, CONTENT)).status_code == 302
    assert not await Archive.objects.aexists()


@pytest.mark.parametrize("length", ["", "-1", "x", "1e9", "9" * 40])
async def test_a_length_is_a_number(browser: UploadingBrowser, length: str) -> None:
    headers = {**browser.headers, "Upload-Length": length}
    assert (await browser.client.post(BEGIN, headers=headers)).status_code == 422


async def test_an_empty_file_is_no_archive(browser: UploadingBrowser) -> None:
    answer = await browser.begin(0)
    assert (answer.status_code, answer.json()["cause"]) == (422, "It is empty.")


async def test_more_bytes_than_were_announced_end_the_upload(
    browser: UploadingBrowser, incoming: Path
) -> None:
    address = (await browser.begin(100)).headers["Location"]
    assert (await browser.send(address, 0, bytes(101))).status_code == 413
    assert files_in(incoming) == []


async def test_another_version_of_the_protocol_is_told_which_one_there_is(
    browser: UploadingBrowser,
) -> None:
    browser.headers["Tus-Resumable"] = "0.2.2"
    answer = await browser.begin(10)
    assert (answer.status_code, answer.headers["Tus-Version"]) == (412, "1.0.0")


class Named(NamedTuple):
    file: str
    archive: str


@pytest.mark.parametrize(
    "name",
    [
        Named("../../etc/passwd", "passwd"),
        Named("..\\..\\x.tar.gz", "x"),
        Named("<img src=x onerror=alert(1)>.tar", "img-src-x-onerror-alert-1"),
        Named("-rf .tar.zst", "rf"),
        Named("a\r\nSet-Cookie: x=1.tar.zst", "a-Set-Cookie-x-1"),
        Named("größe.tar.zst", "gr-e"),
        Named("counter.tar.zst.tar", "counter"),
        Named("...", "counter"),
        Named("", "counter"),
        Named("x" * 400, "x" * 255),
    ],
)
async def test_a_file_may_be_called_anything(browser: UploadingBrowser, name: Any) -> None:
    await browser.upload(CONTENT, name.file)
    archive = await Archive.objects.aget()
    assert archive.name == name.archive
    download = await browser.client.get(f"/archives/{archive.pk}/download/")
    assert download.content == CONTENT
    assert "Set-Cookie" not in download.headers


async def test_a_killed_site_leaves_nothing_of_an_upload(
    archives_folder: Path, incoming: Path
) -> None:
    whole = await asyncio.to_thread(make_archive, content=b"whole")
    incoming.mkdir(exist_ok=True)
    (incoming / "half").write_bytes(CONTENT[:700])
    await asyncio.to_thread(tidy_up, archive_store())
    assert files_in(incoming) == []
    assert (archives_folder / whole.key).read_bytes() == b"whole"


async def test_another_process_that_starts_leaves_an_upload_alone(
    browser: UploadingBrowser,
) -> None:
    address = (await browser.begin(len(CONTENT))).headers["Location"]
    await browser.send(address, 0, CONTENT[:700])
    await asyncio.to_thread(tidy_up, archive_store())
    answer = await browser.send(address, 700, CONTENT[700:])
    assert answer.headers["Ferry-Archive"]
