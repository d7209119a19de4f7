"""The time line of a container: one entry for each thing that happened, newest first."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from nodes.models import Archive, Container, Node, Operation, OperationState
from nodes.views.container_history import MOST_ENTRIES, history_of
from tests.conftest import browser_of
from tests.factories import (
    make_archive,
    make_checkpoint,
    make_container,
    make_operation,
    make_restore,
)
from tests.web.text import text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("archives_folder")]


def happened(row: Operation | Archive, hours_ago: int) -> None:
    row.created_at = timezone.now() - timedelta(hours=hours_ago)
    row.save()


@pytest.fixture
def moved(counter: Container) -> Operation:
    now = timezone.now()
    return make_operation(
        counter.node,
        Node.objects.get(name="birch"),
        state=OperationState.SUCCEEDED,
        archive=make_archive(counter.node, name="counter-moved", content=b"x" * 2048),
        result={"downtime_s": 1.25, "frozen_s": 0.31},
        started_at=now - timedelta(seconds=12.4),
        ended_at=now,
    )


def test_a_move_is_one_entry_with_its_archive_and_what_it_took(
    oscars_browser: Client, counter: Container, moved: Operation
) -> None:
    entries = history_of(counter)
    assert [(entry.operation, entry.archive) for entry in entries] == [(moved, moved.archive)]
    html = text_of(oscars_browser.get(counter.get_absolute_url()))
    for words in ("alder → birch", "took 12.4 s", "1.25 s down", "0.31 s frozen", "2.0 KiB"):
        assert words in html
    assert moved.get_absolute_url() in html
    assert moved.archive is not None
    assert reverse("archive-restore", args=[moved.archive.pk]) in html


def test_the_newest_is_first_whatever_it_is(counter: Container, moved: Operation) -> None:
    upload = make_archive(counter.node, name="uploaded", origin="upload")
    checkpoint = make_checkpoint(counter, state=OperationState.FAILED)
    for row, hours in ((moved, 3), (upload, 2), (checkpoint, 1)):
        happened(row, hours)
    told = [entry.operation or entry.archive for entry in history_of(counter)]
    assert told == [checkpoint, upload, moved]


def test_a_failure_says_why(oscars_browser: Client, counter: Container) -> None:
    error = {"code": "x", "message": "No room on birch.", "cause": "", "remedy": "", "options": {}}
    make_checkpoint(counter, state=OperationState.FAILED, error=error)
    assert "No room on birch." in text_of(oscars_browser.get(counter.get_absolute_url()))


def test_a_copy_knows_the_restore_that_made_it(counter: Container) -> None:
    archive = make_archive(counter.node)
    birch = Node.objects.get(name="birch")
    twin = make_container(birch, "twin", podman_id="d" * 64)
    restore = make_restore(
        archive,
        birch,
        state=OperationState.SUCCEEDED,
        options={"name": "twin"},
        result={"destination_container_id": "d" * 64},
    )
    (entry,) = history_of(twin)
    assert (entry.operation, entry.archive, entry.made_archive) == (restore, archive, False)


def test_what_others_did_is_not_told(counter: Container) -> None:
    other = make_container(counter.node, "web", podman_id="b" * 64)
    make_checkpoint(other)
    make_archive(counter.node, container_podman_id="b" * 64)
    assert history_of(counter) == []


def test_it_is_a_page_full_at_most(counter: Container) -> None:
    for number in range(MOST_ENTRIES + 5):
        make_archive(counter.node, name=f"a{number}", key=f"{number:032x}")
    assert len(history_of(counter)) == MOST_ENTRIES


def test_who_may_not_operate_is_offered_no_restore(
    vera: User, counter: Container, moved: Operation
) -> None:
    html = text_of(browser_of(vera).get(counter.get_absolute_url()))
    assert "counter-moved" in html
    assert moved.archive is not None
    assert reverse("archive-restore", args=[moved.archive.pk]) not in html
