"""The tray: what runs, and what of one's own has just ended, on every page."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from nodes.models import (
    BatchItemState,
    BatchState,
    Container,
    Node,
    Operation,
    OperationState,
)
from tests.factories import make_batch, make_operation
from tests.web.text import text_of

pytestmark = pytest.mark.django_db


def made(container: Container, **values: object) -> Operation:
    birch = Node.objects.get(name="birch")
    return make_operation(container.node, birch, **values)  # type: ignore[arg-type]


def ended(container: Container, user: User | None, **values: object) -> Operation:
    """Make a migration of the user that has ended a minute ago."""
    at = timezone.now() - timedelta(minutes=1)
    defaults = {"state": OperationState.SUCCEEDED, "ended_at": at, "created_by": user}
    User.objects.update(last_login=timezone.now() - timedelta(hours=1))
    return made(container, **{**defaults, **values})


def tray_of(browser: Client) -> str:
    return text_of(browser.get(reverse("operations-ended")))


def test_what_runs_is_on_every_page_with_its_step_and_a_way_to_cancel(
    oscars_browser: Client, counter: Container
) -> None:
    operation = made(counter, state=OperationState.RUNNING, phase="transfer")
    page = text_of(oscars_browser.get(reverse("account")))
    assert "1 running" in page
    assert "alder → birch" in page
    assert "step 4 of 7" in page
    assert reverse("operation-cancel", args=[operation.pk]) in page


def test_a_viewer_sees_what_runs_and_cannot_cancel_it(vera: User, counter: Container) -> None:
    operation = made(counter, state=OperationState.RUNNING, phase="transfer")
    browser = Client()
    browser.force_login(vera)
    page = text_of(browser.get(reverse("account")))
    assert "step 4 of 7" in page
    assert reverse("operation-cancel", args=[operation.pk]) not in page


def test_what_is_past_its_commit_offers_no_cancelling(
    oscars_browser: Client, counter: Container
) -> None:
    operation = made(counter, state=OperationState.RUNNING, journal={"committed": True})
    page = text_of(oscars_browser.get(reverse("account")))
    assert reverse("operation-cancel", args=[operation.pk]) not in page


def test_ones_own_operation_that_has_just_ended_is_told_in_words(
    oscars_browser: Client, oscar: User, counter: Container
) -> None:
    ended(counter, oscar)
    assert "counter moved to birch." in tray_of(oscars_browser)
    assert "counter moved to birch." in text_of(oscars_browser.get(reverse("account")))


def test_what_others_began_is_not_told(
    oscars_browser: Client, ada: User, counter: Container
) -> None:
    ended(counter, ada)
    assert "counter" not in tray_of(oscars_browser)


def test_what_ended_long_ago_or_before_one_signed_in_is_not_told(
    oscars_browser: Client, oscar: User, counter: Container
) -> None:
    ended(counter, oscar, ended_at=timezone.now() - timedelta(minutes=11))
    assert "counter" not in tray_of(oscars_browser)
    ended(counter, oscar)
    User.objects.update(last_login=timezone.now())
    assert "counter" not in tray_of(oscars_browser)


def test_its_own_page_tells_it_itself(
    oscars_browser: Client, oscar: User, counter: Container
) -> None:
    operation = ended(counter, oscar)
    assert "counter moved to birch." not in text_of(
        oscars_browser.get(operation.get_absolute_url())
    )
    shown = oscars_browser.get(reverse("operations-ended"), {"shown": operation.pk})
    assert "counter" not in text_of(shown)
    hostile = oscars_browser.get(reverse("operations-ended"), {"shown": "1' OR 1"})
    assert "counter moved to birch." in text_of(hostile)


def test_what_a_batch_runs_is_told_by_the_batch(
    oscars_browser: Client, oscar: User, counter: Container
) -> None:
    batch = make_batch([counter], Node.objects.get(name="birch"), created_by=oscar)
    batch.items.update(operation=ended(counter, oscar))
    assert "counter" not in tray_of(oscars_browser)
    page = text_of(oscars_browser.get(reverse("account")))
    assert f"{batch.pk}b:{oscar.pk} " in page

    batch.items.update(state=BatchItemState.SUCCEEDED)
    batch.state, batch.ended_at = BatchState.ENDED, timezone.now()
    batch.save()
    assert f"{batch}: 1 moved." in tray_of(oscars_browser)
    assert f'data-ended="{batch.pk}b"' in tray_of(oscars_browser)
    # Its own page tells it itself.
    assert "1 moved." not in text_of(oscars_browser.get(batch.get_absolute_url()))
