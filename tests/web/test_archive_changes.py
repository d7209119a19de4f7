"""An archive's own page: rename, note, tag, pin and verify, in place with htmx and without."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from nodes.models import Archive, ArchiveOrigin, AuditEvent, Tag
from tests.factories import make_archive
from tests.unit.archives import Checkpoint
from tests.web.text import text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("archives_folder")]
HTMX = {"headers": {"HX-Request": "true"}}


def address(archive: Archive, act: str) -> str:
    return reverse(f"archive-{act}", args=[archive.pk])


def tags_of(archive: Archive) -> list[str]:
    return list(archive.tags.values_list("name", flat=True))


def test_name_tags_and_note_are_changed_by_a_plain_form(oscars_browser: Client) -> None:
    archive = make_archive()
    page = oscars_browser.get(address(archive, "edit"))
    assert 'value="counter-20261124-021900"' in text_of(page)
    form = {"name": "before", "tags": "Team-A, web  web", "note": "Keep <b>this</b>."}
    answer = oscars_browser.post(address(archive, "edit"), form)
    assert answer.status_code == 302
    archive.refresh_from_db()
    assert (archive.name, tags_of(archive)) == ("before", ["team-a", "web"])
    page = oscars_browser.get(answer["Location"])
    assert "Keep &lt;b&gt;this&lt;/b&gt;." in page.content.decode()
    assert AuditEvent.objects.get(action="archive.edit").detail["changed"] == [
        "name", "note", "tags",
    ]  # fmt: skip


def test_with_htmx_the_form_takes_the_place_of_the_facts_and_gives_it_back(
    oscars_browser: Client,
) -> None:
    archive = make_archive()
    form = text_of(oscars_browser.get(address(archive, "edit"), **HTMX))
    assert form.lstrip().startswith("<form")
    values = {"name": "before", "tags": "", "note": ""}
    changed = text_of(oscars_browser.post(address(archive, "edit"), values, **HTMX))
    assert '<section class="card" id="archive-facts"' in changed
    assert '<header id="archive-head" hx-swap-oob="true">' in changed
    assert "<h1>before</h1>" in changed
    assert "<html" not in changed


def test_saving_what_is_so_changes_nothing(oscars_browser: Client) -> None:
    archive = make_archive()
    archive.tags.add(Tag.objects.create(name="web"))
    values = {"name": archive.name, "tags": "web", "note": ""}
    assert oscars_browser.post(address(archive, "edit"), values).status_code == 302
    assert not AuditEvent.objects.exists()


@pytest.mark.parametrize(
    "field, value",
    [
        ("name", ""),
        ("name", "../../etc/passwd"),
        ("name", "a b"),
        ("name", "x\n"),
        ("name", "x" * 256),
        ("tags", "no/slash"),
        ("tags", "x" * 41),
        ("tags", " ".join(f"tag-{number}" for number in range(21))),
        ("tags", "<script>"),
        ("note", "x" * 10_001),
    ],
)
def test_a_form_that_cannot_be_meant_comes_back_with_what_was_typed(
    oscars_browser: Client, field: str, value: str
) -> None:
    archive = make_archive()
    values = {"name": "before", "tags": "web", "note": "n", field: value}
    answer = oscars_browser.post(address(archive, "edit"), values)
    if (field, value) == ("name", "x\n"):
        # What a browser's field cannot hold is left off.
        assert answer.status_code == 302
        return
    assert answer.status_code == 422
    assert answer.context["form"].errors[field]
    assert answer.context["form"]["tags"].value() == values["tags"]
    archive.refresh_from_db()
    assert (archive.name, tags_of(archive)) == ("counter-20261124-021900", [])
    assert not Tag.objects.exists()


def test_a_pinned_archive_says_so_until_it_is_unpinned(oscars_browser: Client) -> None:
    archive = make_archive()
    oscars_browser.post(address(archive, "pin"), {"pinned": "yes"})
    assert "Unpin" in text_of(oscars_browser.get(archive.get_absolute_url()))
    archive.refresh_from_db()
    assert archive.pinned
    oscars_browser.post(address(archive, "pin"), {"pinned": "no"})
    archive.refresh_from_db()
    assert not archive.pinned
    assert AuditEvent.objects.filter(action="archive.edit").count() == 2


def test_pinning_from_a_row_leads_back_to_the_list_as_it_was(oscars_browser: Client) -> None:
    archive = make_archive()
    form = {"pinned": "yes", "query": "q=counter&sort=name&evil=//elsewhere.example"}
    answer = oscars_browser.post(address(archive, "pin"), form)
    assert answer["Location"] == "/archives/?q=counter&sort=name"


def test_the_result_of_a_verification_stays_on_the_page(
    oscars_browser: Client, archives_folder: Path
) -> None:
    archive = make_archive(content=Checkpoint().pack())
    answer = oscars_browser.post(address(archive, "verify"), follow=True)
    assert "is whole, and can be read" in text_of(answer)
    assert "Whole and readable" in text_of(oscars_browser.get(archive.get_absolute_url()))

    (archives_folder / archive.key).write_bytes(b"something else")
    fragment = text_of(oscars_browser.post(address(archive, "verify"), **HTMX))
    assert "found a fault" in fragment
    page = text_of(oscars_browser.get(archive.get_absolute_url()))
    assert "Fault found" in page
    assert "The file has changed: its sha256 is now" in page


@pytest.mark.parametrize("how, status", [({}, 410), (HTMX, 422)])
def test_a_file_that_is_gone_cannot_be_verified(
    oscars_browser: Client, archives_folder: Path, how: dict[str, dict[str, str]], status: int
) -> None:
    archive = make_archive()
    (archives_folder / archive.key).unlink()
    answer = oscars_browser.post(address(archive, "verify"), **how)
    assert answer.status_code == status
    assert "not on the catalog's disk any more" in text_of(answer)


def test_the_page_says_who_uploaded_it(oscars_browser: Client) -> None:
    archive = make_archive(origin=ArchiveOrigin.UPLOAD, node_name="")
    AuditEvent.objects.create(
        user_name="ada", action="archive.upload", subject=archive.name,
        detail={"archive": archive.pk},
    )  # fmt: skip
    assert "Uploaded by ada" in text_of(oscars_browser.get(archive.get_absolute_url()))


def test_a_viewer_sees_an_archive_and_nothing_to_change(client: Client, vera: object) -> None:
    client.force_login(vera)  # type: ignore[arg-type]
    archive = make_archive()
    page = text_of(client.get(archive.get_absolute_url()))
    assert archive.sha256 in page
    for act in ("edit", "pin", "verify", "delete", "download"):
        assert address(archive, act) not in page
