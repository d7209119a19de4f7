"""What reads an archive's file again: its contents, an environment's values; and the log."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from nodes.catalog.environment import MOST_VALUE_BYTES, MOST_VARIABLES
from nodes.models import Archive, ArchiveSection, AuditEvent, ContentsState
from tests.conftest import browser_of
from tests.factories import make_archive
from tests.unit.archives import Checkpoint
from tests.unit.criu_images import Program
from tests.web.contents_rows import give_contents, make_real_archive
from tests.web.text import text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("archives_folder")]


def environment(browser: Client, archive: Archive, pid: object, **headers: str) -> object:
    address = reverse("archive-environment", args=[archive.pk])
    return browser.post(address, {"pid": pid}, headers=headers)


def test_values_of_an_environment_are_read_from_the_file(oscars_browser: Client) -> None:
    archive = make_real_archive()
    response = environment(oscars_browser, archive, 1)
    assert "hunter2" in text_of(response)
    assert "no-store" in response["Cache-Control"]  # type: ignore[index]


def test_values_of_an_environment_are_kept_nowhere(oscars_browser: Client) -> None:
    archive = make_real_archive()
    environment(oscars_browser, archive, 1)
    assert "SECRET" in str(archive.sections.get(name="processes").data)
    kept = [str(section.data) for section in ArchiveSection.objects.all()]
    kept += [f"{event.subject} {event.detail}" for event in AuditEvent.objects.all()]
    assert not [text for text in kept if "hunter2" in text]


def test_whose_environment_was_asked_for_is_in_the_audit_log(oscars_browser: Client) -> None:
    archive = make_real_archive()
    environment(oscars_browser, archive, 1)
    event = AuditEvent.objects.get(action="archive.environment")
    assert (event.user_name, event.detail) == ("oscar", {"archive": archive.pk, "pid": 1})


def test_htmx_gets_the_values_alone(oscars_browser: Client) -> None:
    html = text_of(environment(oscars_browser, make_real_archive(), 1, **{"HX-Request": "true"}))
    assert "hunter2" in html
    assert "<html" not in html


@pytest.mark.parametrize("pid", ["99", "", "x", "-1", "1" * 40, "²"])
def test_a_process_that_is_not_there_has_no_environment(oscars_browser: Client, pid: str) -> None:
    response = environment(oscars_browser, make_real_archive(), pid)
    assert response.status_code == 422  # type: ignore[attr-defined]


def test_the_environment_of_a_missing_file_cannot_be_read(
    oscars_browser: Client, archives_folder: Path
) -> None:
    archive = make_real_archive()
    (archives_folder / archive.key).unlink()
    response = environment(oscars_browser, archive, 1)
    assert "is not on the catalog’s disk" in text_of(response).replace("'", "’")


def test_an_old_archive_is_read_when_somebody_asks_for_it(oscars_browser: Client) -> None:
    archive = make_archive(content=Checkpoint(name="webby").pack())
    response = oscars_browser.post(reverse("archive-read-again", args=[archive.pk]), follow=True)
    assert "webby" in text_of(response)
    archive.refresh_from_db()
    assert archive.contents_state == ContentsState.READ
    assert archive.sections.get(name="summary").data["container_name"] == "webby"


def test_why_an_old_archive_cannot_be_read_is_told_and_noted(oscars_browser: Client) -> None:
    archive = make_archive(content=Checkpoint().pack()[:-40])
    response = oscars_browser.post(reverse("archive-read-again", args=[archive.pk]), follow=True)
    archive.refresh_from_db()
    assert archive.contents_state == ContentsState.UNREADABLE
    assert archive.contents_problem in text_of(response)


def test_what_was_read_stays_when_a_later_reading_fails(
    oscars_browser: Client, archives_folder: Path
) -> None:
    archive = make_real_archive()
    (archives_folder / archive.key).write_bytes(b"no archive any more")
    oscars_browser.post(reverse("archive-read-again", args=[archive.pk]))
    assert archive.sections.filter(name="summary").exists()


def test_the_log_is_a_file_and_never_a_page(oscars_browser: Client) -> None:
    archive = give_contents(make_archive())
    response = oscars_browser.get(reverse("archive-log-file", args=[archive.pk]))
    assert response.content == b"listening on 8090\nsaved <b>7</b>\n"
    assert response["Content-Type"] == "text/plain; charset=utf-8"
    assert response["Content-Disposition"].startswith("attachment")


def test_a_viewer_does_not_get_the_log_by_another_address(vera: User) -> None:
    archive = give_contents(make_archive())
    browser = browser_of(vera)
    assert browser.get(f"/archives/{archive.pk}/contents/log/").status_code == 403
    for slug in ("overview", "processes", "config"):
        html = text_of(browser.get(reverse("archive-contents", args=[archive.pk, slug])))
        assert "listening on 8090" not in html


@pytest.mark.parametrize("name", ["archive-log", "archive-log-file"])
def test_whoever_reads_the_log_is_in_the_audit_log(
    oscars_browser: Client, vera: User, name: str
) -> None:
    archive = give_contents(make_archive())
    browser_of(vera).get(reverse(name, args=[archive.pk]))
    assert not AuditEvent.objects.filter(action="archive.log").exists()
    for search in ("", "a", "ab"):
        oscars_browser.get(reverse(name, args=[archive.pk]), {"q": search})
    event = AuditEvent.objects.get(action="archive.log")
    assert (event.user_name, event.detail) == ("oscar", {"archive": archive.pk})


def test_what_is_left_out_of_an_environment_is_told(oscars_browser: Client) -> None:
    many = [f"NAME_{number}=x" for number in range(MOST_VARIABLES)]
    program = Program(environment=["LONG=" + "x" * (MOST_VALUE_BYTES + 2048), *many])
    archive = make_real_archive(Checkpoint(programs=[program]))
    page = text_of(environment(oscars_browser, archive, 1))
    assert "2.0 KiB more are not shown" in page
    assert "1 more variable is not shown." in page
