"""The catalog by way of pages and API: find, note, pin, verify, delete."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from nodes.archives.change import delete_archive
from nodes.archives.errors import ArchiveNeeded
from nodes.archives.place import archive_store
from nodes.models import (
    Archive,
    ArchiveState,
    AuditEvent,
    Container,
    Node,
    Operation,
    OperationState,
)
from tests.factories import ZSTD_MAGIC, make_archive, make_node, make_operation, make_restore
from tests.unit.archives import Checkpoint
from tests.web.text import text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("archives_folder")]
ARCHIVES = "/api/v1/archives"
JSON = "application/json"


def address(archive: Archive, rest: str = "") -> str:
    return f"{ARCHIVES}/{archive.pk}{rest}"


def test_an_archive_is_described(oscars_program: Client) -> None:
    archive = make_archive(make_node(), content=ZSTD_MAGIC + b"x" * 10)
    answer = oscars_program.get(address(archive)).json()
    assert (answer["container"], answer["node"], answer["node_name"]) == (
        "counter", archive.node_id, "alder",
    )  # fmt: skip
    assert (answer["compression"], answer["size_bytes"]) == ("zstd", 14)
    assert answer["file_name"] == "counter-20261124-021900.tar.zst"
    assert answer["state"] == "ready"


@pytest.mark.parametrize(
    "text, found", [("counter", 3), ("web", 1), ("ALDER", 3), ("birch", 1), ("nothing", 0), ("", 4)]
)
def test_the_catalog_can_be_searched(oscars_program: Client, text: str, found: int) -> None:
    for _ in range(3):
        make_archive()
    make_archive(name="w", container_name="web", node_name="birch")
    assert oscars_program.get(ARCHIVES, {"q": text}).json()["total"] == found


def test_an_archive_is_found_by_the_beginning_of_its_hash(oscars_program: Client) -> None:
    archive = make_archive(content=b"one")
    make_archive(content=b"two")
    found = oscars_program.get(ARCHIVES, {"q": archive.sha256[:12]}).json()["items"]
    assert [row["id"] for row in found] == [archive.pk]


def test_name_note_tags_and_pin_can_be_changed(oscars_program: Client) -> None:
    archive = make_archive()
    change = {
        "name": "before-upgrade", "note": "Keep this one.", "pinned": True,
        "tags": ["team-a", "web"],
    }  # fmt: skip
    answer = oscars_program.patch(address(archive), change, content_type=JSON).json()
    assert {name: answer[name] for name in change} == change
    event = AuditEvent.objects.get(action="archive.edit")
    assert (event.user_name, event.detail["changed"]) == ("oscar", sorted(change))


@pytest.mark.parametrize(
    "change",
    [
        {"sha256": "0"}, {"pinned": "perhaps"}, {"key": "../x"}, {"name": "../x"}, {"name": "x\n"},
        {"tags": "x"}, {"origin": "checkpoint"},
    ],
)  # fmt: skip
def test_nothing_else_can_be_changed(oscars_program: Client, change: dict[str, str]) -> None:
    archive = make_archive()
    response = oscars_program.patch(address(archive), change, content_type=JSON)
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == next(iter(change))


def test_a_deleted_archive_leaves_no_file(oscars_program: Client, archives_folder: Path) -> None:
    archive = make_archive()
    assert oscars_program.delete(address(archive)).status_code == 204
    assert not (archives_folder / archive.key).exists()
    assert AuditEvent.objects.get(action="archive.delete").detail["sha256"] == archive.sha256


def test_an_archive_whose_file_is_gone_can_be_deleted(
    oscars_program: Client, archives_folder: Path
) -> None:
    archive = make_archive()
    (archives_folder / archive.key).unlink()
    assert oscars_program.delete(address(archive)).status_code == 204
    assert not Archive.objects.exists()


def test_a_file_that_cannot_be_deleted_keeps_its_row(
    oscars_program: Client, archives_folder: Path
) -> None:
    archive = make_archive()
    (archives_folder / archive.key).unlink()
    (archives_folder / archive.key).mkdir()
    assert oscars_program.delete(address(archive)).status_code == 500
    assert Archive.objects.filter(pk=archive.pk).exists()
    assert not AuditEvent.objects.filter(action="archive.delete").exists()


def test_why_a_file_cannot_be_deleted_is_told(
    oscars_browser: Client, archives_folder: Path
) -> None:
    archive = make_archive()
    (archives_folder / archive.key).unlink()
    (archives_folder / archive.key).mkdir()
    page = oscars_browser.post(reverse("archive-delete", args=[archive.pk]))
    assert page.status_code == 422
    assert "file cannot be deleted" in text_of(page)


def test_what_is_asked_before_a_deletion_is_the_row_as_it_is_then(
    oscar: User, archives_folder: Path, counter: Container
) -> None:
    seen = make_archive()
    make_restore(seen, counter.node)
    stale = Archive.objects.get(pk=seen.pk)
    with pytest.raises(ArchiveNeeded, match="operation"):
        delete_archive(oscar, stale, archive_store())
    Operation.objects.update(state=OperationState.SUCCEEDED)
    Archive.objects.update(pinned=True)
    with pytest.raises(ArchiveNeeded, match="pinned"):
        delete_archive(oscar, stale, archive_store())
    assert (archives_folder / seen.key).is_file()


def test_an_archive_that_is_gone_already_is_not_deleted_twice(
    oscar: User, archives_folder: Path
) -> None:
    archive = make_archive()
    for found in (Archive.objects.get(), archive):
        delete_archive(oscar, found, archive_store())
    assert AuditEvent.objects.filter(action="archive.delete").count() == 1


def test_a_pinned_archive_is_kept(
    oscars_browser: Client, oscars_program: Client, archives_folder: Path
) -> None:
    archive = make_archive(pinned=True)
    response = oscars_program.delete(address(archive))
    assert (response.status_code, response.json()["code"]) == (409, "archive_needed")
    page = oscars_browser.post(reverse("archive-delete", args=[archive.pk]))
    assert page.status_code == 422
    assert "pinned" in text_of(page)
    assert (archives_folder / archive.key).exists()


def test_an_archive_that_an_operation_needs_is_kept(
    oscars_program: Client, counter: Container
) -> None:
    archive = make_archive(counter.node)
    make_operation(counter.node, Node.objects.get(name="birch"), archive=archive)
    assert oscars_program.delete(address(archive)).status_code == 409


def test_verify_reads_the_file_again(oscars_program: Client, archives_folder: Path) -> None:
    content = Checkpoint().pack()
    archive = make_archive(content=content)
    answer = oscars_program.post(address(archive, "/verify")).json()
    assert answer == {
        "matches": True, "sha256": archive.sha256, "found_sha256": archive.sha256,
        "readable": True, "problem": "",
    }  # fmt: skip
    archive.refresh_from_db()
    assert (archive.verify_problem, archive.contents_state) == ("", "read")
    assert archive.verified_at is not None

    changed = content[:-20] + bytes(20)
    (archives_folder / archive.key).write_bytes(changed)
    answer = oscars_program.post(address(archive, "/verify")).json()
    assert (answer["matches"], answer["readable"]) == (False, False)
    assert answer["found_sha256"] == hashlib.sha256(changed).hexdigest()
    described = oscars_program.get(address(archive)).json()
    assert described["verify_problem"] == answer["problem"] != ""


def test_what_follows_an_archive_in_its_file_is_part_of_its_hash(
    oscars_program: Client, archives_folder: Path
) -> None:
    archive = make_archive(content=Checkpoint().pack("none"))
    with (archives_folder / archive.key).open("ab") as file:
        file.write(bytes(3_000_000))
    answer = oscars_program.post(address(archive, "/verify")).json()
    assert answer["matches"] is False
    whole = (archives_folder / archive.key).read_bytes()
    assert answer["found_sha256"] == hashlib.sha256(whole).hexdigest()


def test_a_file_that_is_no_archive_matches_but_cannot_be_read(oscars_program: Client) -> None:
    archive = make_archive(content=b"whole" * 1_000_000)
    answer = oscars_program.post(address(archive, "/verify")).json()
    assert (answer["matches"], answer["readable"]) == (True, False)
    assert "not a checkpoint archive" in answer["problem"]


def test_a_missing_file_is_noted_and_so_is_its_return(
    oscars_browser: Client, oscars_program: Client, archives_folder: Path
) -> None:
    archive = make_archive(content=b"x")
    (archives_folder / archive.key).unlink()
    for rest in ("/download", "/verify"):
        method = oscars_program.get if rest == "/download" else oscars_program.post
        response = method(address(archive, rest))
        assert (response.status_code, response.json()["code"]) == (410, "archive_missing")
        assert "bring the file back" in response.json()["remedy"]
    page = oscars_browser.get(reverse("archive-download", args=[archive.pk]))
    assert page.status_code == 410
    assert "not on the catalog's disk any more" in text_of(page)
    archive.refresh_from_db()
    assert archive.state == ArchiveState.MISSING
    assert not AuditEvent.objects.exists()

    (archives_folder / archive.key).write_bytes(b"x")
    assert oscars_program.post(address(archive, "/verify")).status_code == 200
    archive.refresh_from_db()
    assert archive.state == ArchiveState.READY
