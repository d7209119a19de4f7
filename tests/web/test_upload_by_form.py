"""Uploads in one request: the plain form of the page, and the API."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from nodes.catalog.store import Store
from nodes.models import Archive, ArchiveOrigin, AuditEvent
from tests.conftest import browser_of
from tests.unit.archives import Checkpoint
from tests.web.text import text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("archives_folder")]
PAGE, CALL = "/archives/upload/", "/api/v1/archives"
CONTENT = Checkpoint().pack()


def a_file(content: bytes = CONTENT, name: str = "counter.tar.zst") -> dict[str, Any]:
    return {"file": SimpleUploadedFile(name, content)}


def files_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("compression", ["zstd", "gzip", "none"])
def test_the_plain_form_keeps_the_archive_and_leads_to_it(
    oscars_browser: Client, archives_folder: Path, compression: str
) -> None:
    content = Checkpoint(name="web").pack(compression)
    answer = oscars_browser.post(PAGE, a_file(content, "web.tar.zst"), follow=True)
    archive = Archive.objects.get()
    assert answer.redirect_chain == [(archive.get_absolute_url(), 302)]
    assert "web is in the catalog." in text_of(answer)
    assert "Uploaded by oscar" in text_of(answer)
    assert (archive.origin, archive.compression) == (ArchiveOrigin.UPLOAD, compression)
    assert files_in(archives_folder) == [archive.key]
    assert (archives_folder / archive.key).read_bytes() == content


def test_the_api_answers_with_the_archive(oscars_program: Client) -> None:
    answer = oscars_program.post(CALL, a_file())
    assert answer.status_code == 201
    described = answer.json()
    assert (described["origin"], described["contents_state"]) == ("upload", "read")
    assert (described["container"], described["node"], described["tags"]) == ("counter", None, [])
    assert described["memory_bytes"] > 0
    assert AuditEvent.objects.get(action="archive.upload").user_name == "oscar"


class Refusal(NamedTuple):
    content: bytes
    status: int
    code: str


@pytest.mark.parametrize(
    "refusal",
    [
        Refusal(b"no archive" * 500_000, 422, "archive_unreadable"),
        Refusal(b"", 422, "archive_unreadable"),
        Refusal(CONTENT[:-50], 422, "archive_unreadable"),
        Refusal(CONTENT, 409, "archive_duplicate"),
    ],
)
def test_a_refused_file_is_told_why_and_leaves_nothing(
    oscars_browser: Client, oscars_program: Client, archives_folder: Path, refusal: Refusal
) -> None:
    if refusal.code == "archive_duplicate":
        oscars_program.post(CALL, a_file())
    before = files_in(archives_folder)
    answer = oscars_program.post(CALL, a_file(refusal.content))
    assert (answer.status_code, answer.json()["code"]) == (refusal.status, refusal.code)
    assert answer["Content-Type"] == "application/problem+json"
    page = oscars_browser.post(PAGE, a_file(refusal.content))
    assert page.status_code == refusal.status
    assert answer.json()["detail"] in text_of(page)
    assert files_in(archives_folder) == before


def test_a_duplicate_is_told_with_the_one_that_is_there(
    oscars_browser: Client, oscars_program: Client
) -> None:
    kept = oscars_program.post(CALL, a_file()).json()
    assert oscars_program.post(CALL, a_file()).json()["archive"] == kept["id"]
    page = text_of(oscars_browser.post(PAGE, a_file(name="again.tar")))
    assert f'<a href="/archives/{kept["id"]}/">Go to counter</a>' in page


def test_a_full_disk_is_told_before_anything_is_written(
    oscars_browser: Client,
    oscars_program: Client,
    archives_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    archives_folder.mkdir()
    monkeypatch.setattr(Store, "free_bytes", lambda store: 1000)
    answer = oscars_program.post(CALL, a_file(CONTENT + bytes(2000)))
    assert (answer.status_code, answer.json()["code"]) == (507, "store_full")
    page = oscars_browser.post(PAGE, a_file(CONTENT + bytes(2000)))
    assert page.status_code == 507
    assert "disk is full" in text_of(page)
    assert files_in(archives_folder) == []


@pytest.mark.parametrize("form", [{}, {"file": "text"}, {"other": io.BytesIO(CONTENT)}])
def test_a_form_without_the_file_says_what_is_missing(
    oscars_browser: Client, oscars_program: Client, archives_folder: Path, form: dict[str, Any]
) -> None:
    page = oscars_browser.post(PAGE, form)
    assert (page.status_code, "Choose a file." in text_of(page)) == (422, True)
    for value in form.values():
        if not isinstance(value, str):
            value.seek(0)
    answer = oscars_program.post(CALL, form)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "file")
    assert files_in(archives_folder) == []


def test_without_the_token_against_forgery_nothing_is_kept(
    oscar: Any, archives_folder: Path
) -> None:
    answer = browser_of(oscar, csrf=True).post(PAGE, a_file())
    assert answer.status_code == 403
    assert not Archive.objects.exists()
    assert files_in(archives_folder) == []


@pytest.mark.parametrize(
    "upload", [lambda c: c.post(PAGE, a_file()), lambda c: c.post(CALL, a_file())]
)
def test_nobody_without_the_permission_gets_a_byte_into_the_catalog(
    vera: Any, archives_folder: Path, upload: Callable[[Client], Any]
) -> None:
    for client in (browser_of(vera), browser_of(None)):
        assert upload(client).status_code in (302, 401, 403)
    assert not archives_folder.exists() or files_in(archives_folder) == []


def test_the_folder_need_not_be_there(oscars_program: Client, archives_folder: Path) -> None:
    shutil.rmtree(archives_folder, ignore_errors=True)
    assert oscars_program.post(CALL, a_file()).status_code == 201
