"""Keep rules applied to the catalog: what goes, what never does, and what the log says."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from nodes.archives.retention import apply_rules, preview
from nodes.models import (
    Archive,
    AuditEvent,
    CatalogRetention,
    Container,
    Node,
    OperationState,
    Schedule,
)
from tests.factories import make_archive, make_operation, make_schedule
from tests.web.text import text_of

pytestmark = pytest.mark.django_db
NOW = timezone.now()


def archive(schedule: Schedule | None = None, *, days: int = 0, **values: Any) -> Archive:
    made = make_archive(schedule=schedule, **values)
    created_at = NOW - timedelta(days=days)
    Archive.objects.filter(pk=made.pk).update(created_at=created_at)
    return made


def left() -> set[int]:
    return set(Archive.objects.values_list("pk", flat=True))


def apply(rule: Schedule | CatalogRetention, now: datetime = NOW) -> int:
    return len(apply_rules(rule, now=now))


def test_what_goes_leaves_no_file_and_is_in_the_audit_log(
    archives_folder: Path, counter: Container
) -> None:
    schedule = make_schedule(keep_last=1)
    new, old = archive(schedule), archive(schedule, days=1)
    assert apply(schedule) == 1
    assert left() == {new.pk}
    assert [path.name for path in archives_folder.iterdir()] == [new.key]
    event = AuditEvent.objects.get(action="archive.expire")
    assert (event.user_name, event.subject) == ("", old.name)
    assert event.detail == {
        "archive": old.pk,
        "sha256": old.sha256,
        "schedule": "nightly",
        "reason": "No keep rule covers it.",
    }


def test_the_preview_says_the_same_and_changes_nothing(
    archives_folder: Path, counter: Container
) -> None:
    schedule = make_schedule(keep_last=1)
    new, old = archive(schedule), archive(schedule, days=1)
    found = preview(schedule, now=NOW)
    assert [judged.archive for judged in found.going] == [old]
    assert [judged.archive for judged in found.staying] == [new]
    assert (found.going_bytes, found.staying_bytes) == (4, 4)
    assert left() == {new.pk, old.pk}
    assert not AuditEvent.objects.exists()


def test_a_schedule_has_no_say_over_what_it_did_not_make(
    archives_folder: Path, counter: Container
) -> None:
    schedule, other = make_schedule(keep_last=1), make_schedule("other")
    for maker in (schedule, other, None):
        for days in range(3):
            archive(maker, days=days)
    assert apply(schedule) == 2
    assert other.archives.count() == 3
    assert Archive.objects.filter(schedule=None).count() == 3


def test_the_catalogs_rule_is_for_those_of_no_schedule(
    archives_folder: Path, counter: Container
) -> None:
    schedule = make_schedule()
    for maker in (schedule, None):
        for days in range(3):
            archive(maker, days=days)
    assert apply(CatalogRetention.load()) == 0
    CatalogRetention.objects.create(pk=1, keep_last=1)
    assert apply(CatalogRetention.load()) == 2
    assert schedule.archives.count() == 3
    assert "schedule" not in AuditEvent.objects.filter(action="archive.expire")[0].detail


def test_archives_of_a_deleted_schedule_stay_under_the_catalogs_rule(
    archives_folder: Path, counter: Container, oscars_browser: Client
) -> None:
    schedule = make_schedule(keep_last=1)
    pks = {archive(schedule, days=days).pk for days in range(3)}
    oscars_browser.post(reverse("schedule-delete", args=[schedule.pk]))
    assert left() == pks
    assert apply(CatalogRetention.load()) == 0
    assert left() == pks


@pytest.mark.parametrize("state", [OperationState.RUNNING, OperationState.UNKNOWN])
def test_an_archive_that_an_unfinished_operation_needs_stays(
    archives_folder: Path, counter: Container, state: OperationState
) -> None:
    schedule = make_schedule(keep_last=1)
    archive(schedule)
    needed = archive(schedule, days=1)
    operation = make_operation(
        counter.node, Node.objects.get(name="birch"), state=state, archive=needed
    )
    assert apply(schedule) == 0
    operation.state = OperationState.SUCCEEDED
    operation.save()
    assert apply(schedule) == 1


def test_an_archive_that_is_pinned_after_it_was_judged_stays(
    archives_folder: Path, counter: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule = make_schedule(keep_last=1)
    archive(schedule)
    old = archive(schedule, days=1)
    found = preview(schedule, now=NOW)
    Archive.objects.filter(pk=old.pk).update(pinned=True)
    monkeypatch.setattr("nodes.archives.retention.preview", lambda *_, **__: found)
    assert apply(schedule) == 0
    assert old.pk in left()
    assert not AuditEvent.objects.exists()


class TestLastCopies:
    """COUNTER_ID is the container of every archive here; without a row it is nowhere."""

    def test_the_newest_of_a_container_that_is_gone_stays(self, archives_folder: Path) -> None:
        schedule = make_schedule(max_age_days=7)
        last = archive(schedule, days=20)
        archive(schedule, days=30)
        assert apply(schedule) == 1
        assert left() == {last.pk}
        (judged,) = preview(schedule, now=NOW).staying
        assert "the container exists nowhere any more" in judged.reason

    def test_of_a_container_that_is_there_it_may_go_for_the_size_of_all(
        self, archives_folder: Path, counter: Container
    ) -> None:
        schedule = make_schedule(max_total_bytes=1)
        archive(schedule, days=20)
        assert apply(schedule) == 1

    def test_a_newer_one_elsewhere_in_the_catalog_is_the_last_copy(
        self, archives_folder: Path
    ) -> None:
        schedule = make_schedule(max_age_days=7)
        archive(schedule, days=20)
        newer = archive(None, days=10)
        assert apply(schedule) == 1
        assert left() == {newer.pk}

    def test_one_whose_file_is_missing_is_no_copy(self, archives_folder: Path) -> None:
        schedule = make_schedule(max_age_days=7)
        good, lost = archive(schedule, days=20), archive(schedule, days=10)
        (archives_folder / lost.key).unlink()
        assert apply(schedule) == 0
        assert left() == {good.pk, lost.pk}

    def test_one_that_failed_its_verification_is_no_copy(self, archives_folder: Path) -> None:
        schedule = make_schedule(max_age_days=7)
        good = archive(schedule, days=20)
        bad = archive(schedule, days=10, verify_problem="The file has changed.")
        assert apply(schedule) == 0
        assert left() == {good.pk, bad.pk}


class TestTheNewest:
    """Of a container that is there: what it is now may be lost with its node."""

    def test_it_does_not_go_for_its_age(self, archives_folder: Path, counter: Container) -> None:
        schedule = make_schedule(max_age_days=7)
        newest = archive(schedule, days=20)
        archive(schedule, days=30)
        assert apply(schedule) == 1
        assert left() == {newest.pk}
        (judged,) = preview(schedule, now=NOW).kept
        assert "there is no newer one of counter" in judged.reason

    def test_it_goes_when_there_is_a_newer_one_of_another_schedule(
        self, archives_folder: Path, counter: Container
    ) -> None:
        schedule = make_schedule(max_age_days=7)
        archive(schedule, days=20)
        newer = archive(make_schedule("other"), days=1)
        assert apply(schedule) == 1
        assert left() == {newer.pk}

    def test_a_newer_one_that_cannot_be_restored_does_not_count(
        self, archives_folder: Path, counter: Container
    ) -> None:
        schedule = make_schedule(max_age_days=7)
        archive(schedule, days=20)
        archive(schedule, days=10, verify_problem="The file has changed.")
        assert apply(schedule) == 0

    def test_a_clock_that_is_far_ahead_leaves_one_of_each(
        self, archives_folder: Path, counter: Container
    ) -> None:
        schedule = make_schedule(max_age_days=7)
        newest = archive(schedule)
        archive(schedule, days=1)
        apply(schedule, NOW + timedelta(days=9000))
        assert left() == {newest.pk}


def test_without_the_catalogs_disk_nothing_goes(archives_folder: Path, counter: Container) -> None:
    schedule = make_schedule(keep_last=1)
    for days in range(3):
        archive(schedule, days=days)
    archives_folder.rename(archives_folder.with_name("not mounted"))
    assert apply(schedule) == 0
    assert len(left()) == 3


def test_the_page_shows_what_would_go_and_applies_it(
    archives_folder: Path, counter: Container, oscars_browser: Client
) -> None:
    CatalogRetention.objects.create(pk=1, keep_last=1)
    new, old = archive(name="the-new-one"), archive(name="the-old-one", days=1)
    page = text_of(oscars_browser.get(reverse("retention")))
    assert "Apply now: delete 1" in page
    assert page.index("the-old-one") < page.index("No keep rule covers it.")
    assert page.index("Would stay: 1") < page.index("the-new-one")
    assert left() == {new.pk, old.pk}
    answer = oscars_browser.post(reverse("retention-apply"), follow=True)
    assert "1 archive was deleted, 4 B." in text_of(answer)
    assert left() == {new.pk}
    assert AuditEvent.objects.get(action="archive.expire").user_name == "oscar"


def test_somebody_who_may_only_look_sees_the_rules_and_no_button(
    archives_folder: Path, counter: Container, vera: Any, client: Client
) -> None:
    CatalogRetention.objects.create(pk=1, keep_last=1)
    archive()
    archive(days=1)
    client.force_login(vera)
    page = text_of(client.get(reverse("retention")))
    assert "Would be deleted" in page
    assert "Apply now" not in page
    assert "Change rules" not in page


def test_the_page_says_what_is_protected_and_why(
    archives_folder: Path, oscars_browser: Client
) -> None:
    schedule = make_schedule(max_age_days=7)
    archive(schedule, days=20, name="of-a-gone-one")
    page = text_of(oscars_browser.get(schedule.get_absolute_url()))
    protected = page.index("Stays whatever the rules say")
    assert protected < page.index("It is the last copy of counter") < page.index("every hour")
    assert "Would be deleted" not in page


def test_the_catalogs_rule_is_changed_on_its_page(
    archives_folder: Path, oscars_browser: Client
) -> None:
    sent = {"keep_daily": "7", "max_total_bytes": "20 GiB"}
    oscars_browser.post(reverse("retention-edit"), sent)
    rule = CatalogRetention.load()
    assert (rule.keep_daily, rule.max_total_bytes, rule.keep_last) == (7, 20 * 1024**3, None)
    event = AuditEvent.objects.get(action="retention.edit")
    assert (event.user_name, event.detail["keep_daily"]) == ("oscar", 7)
    form = oscars_browser.get(reverse("retention-edit")).content.decode()
    assert 'value="20 GiB"' in form
    oscars_browser.post(reverse("retention-edit"), {"keep_daily": ""})
    assert CatalogRetention.load().keep_daily is None
    assert CatalogRetention.objects.count() == 1


@pytest.mark.parametrize(
    "sent",
    [
        {"keep_last": "0"},
        {"keep_last": "-1"},
        {"keep_last": "1" * 30},
        {"max_age_days": "soon"},
        {"max_total_bytes": "much"},
        {"max_total_bytes": "0"},
        {"max_total_bytes": "9" * 19 + "T"},
    ],
)
def test_rules_that_cannot_be_meant_are_refused(
    archives_folder: Path, oscars_browser: Client, sent: dict[str, str]
) -> None:
    answer = oscars_browser.post(reverse("retention-edit"), sent)
    assert answer.status_code == 422
    assert "field__error" in answer.content.decode()
    assert not CatalogRetention.objects.exists()
