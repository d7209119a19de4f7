"""An operation's page: what it writes, what it draws, and how it is cancelled."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from nodes.live import ping_operation
from nodes.models import Container, Node, Operation, OperationState
from tests.factories import make_operation
from tests.web.text import text_of
from tests.web.websocket import Socket


@pytest.fixture
def operation(counter: Container) -> Operation:
    birch = Node.objects.get(name="birch")
    return make_operation(counter.node, birch, state=OperationState.RUNNING)


def cancel_of(operation: Operation) -> str:
    return reverse("operation-cancel", args=[operation.pk])


@pytest.mark.django_db
def test_cancelling_is_asked_for_first_and_says_what_will_happen(
    oscars_browser: Client, operation: Operation
) -> None:
    page = text_of(oscars_browser.get(cancel_of(operation)))
    assert "counter runs on alder and stays there" in page
    assert "Cancel and keep it on alder" in page
    operation.refresh_from_db()
    assert not operation.cancel_requested


@pytest.mark.django_db
def test_what_has_ended_or_is_past_its_commit_offers_no_cancelling(
    oscars_browser: Client, operation: Operation
) -> None:
    operation.journal = {"committed": True}
    operation.save()
    assert "being finished" in text_of(oscars_browser.get(cancel_of(operation)))
    operation.state = OperationState.SUCCEEDED
    operation.save()
    page = text_of(oscars_browser.get(cancel_of(operation)))
    assert "nothing left to cancel" in page
    assert "keep it on" not in page


@pytest.mark.django_db
def test_the_log_is_downloaded_whole_one_event_a_line(
    oscars_browser: Client, operation: Operation
) -> None:
    operation.events.create(phase="checkpoint", message="Checkpointing counter.")
    operation.events.create(phase="restore", level="error", message="first\n<b>second</b>")
    answer = oscars_browser.get(reverse("operation-log-lines", args=[operation.pk]))
    first, second, rest = answer.content.decode().splitlines()
    assert first.endswith("info    checkpoint    Checkpointing counter.")
    assert second.endswith("error   restore       first")
    assert rest == "    <b>second</b>"
    assert answer["Content-Type"].startswith("text/plain")
    assert f'filename="operation-{operation.pk}.log"' in answer["Content-Disposition"]


@pytest.mark.django_db
def test_where_the_time_went_is_a_drawing_and_a_table(
    oscars_browser: Client, operation: Operation
) -> None:
    began = timezone.now() - timedelta(seconds=10)
    operation.state, operation.started_at, operation.ended_at = "succeeded", began, timezone.now()
    operation.phases[2].update(
        state="succeeded",
        started_at=(began + timedelta(seconds=2)).isoformat(),
        ended_at=(began + timedelta(seconds=5)).isoformat(),
    )
    operation.result = {"downtime_s": 4, "frozen_s": 0.3}
    operation.save()
    page = text_of(oscars_browser.get(operation.get_absolute_url()))
    assert 'class="line__downtime"' in page
    assert 'class="line__frozen"' in page
    assert "Where the time went, phase by phase" in page
    assert '<td data-label="Began after" class="num">2.00 s</td>' in page


@pytest.mark.django_db(transaction=True)
async def test_a_page_is_sent_only_the_lines_that_it_has_not_got(
    oscars_browser: Client, operation: Operation
) -> None:
    first = await operation.events.acreate(message="the first")
    path = f"/ws/operations/{operation.pk}/?after={first.pk}"
    async with Socket(path, oscars_browser) as socket:
        assert "the first" not in await socket.receive()
        await operation.events.acreate(message="the second")
        await ping_operation(operation.pk)
        assert "the second" in await socket.receive()
        await operation.events.acreate(message="the third")
        await ping_operation(operation.pk)
        html = await socket.receive()
    assert "the third" in html
    assert "the second" not in html
