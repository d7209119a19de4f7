"""The dialogs that checkpoint one container or several, and the pages of their operations."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from nodes.models import AuditEvent, Container, Node, Operation, OperationKind, OperationState
from nodes.templatetags.operations import retry_url
from tests.conftest import browser_of
from tests.factories import COUNTER_ID, make_archive, make_checkpoint, make_container
from tests.fake_host import FakeHost
from tests.web.text import text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("archives_folder")]
MANY = reverse("containers-checkpoint")


def address(container: Container, name: str = "container-checkpoint") -> str:
    return reverse(name, args=[container.node_id, container.podman_id])


@pytest.fixture
def others(counter: Container) -> list[Container]:
    """Return two more containers, one of which is in an operation already."""
    free = make_container(counter.node, "web", podman_id="b" * 64)
    busy = make_container(counter.node, "batch", podman_id="c" * 64)
    make_checkpoint(busy)
    return [free, busy]


def test_a_started_checkpoint_leads_to_its_page(oscars_browser: Client, counter: Container) -> None:
    body = {"leave_running": "on", "compress": "gzip", "file_locks": "on"}
    response = oscars_browser.post(address(counter), body)
    operation = Operation.objects.get()
    assert (response.status_code, response["Location"]) == (302, operation.get_absolute_url())
    assert operation.kind == OperationKind.CHECKPOINT
    assert (operation.source_name, operation.destination_name) == ("alder", "")
    assert operation.options["leave_running"] is True
    assert operation.options["file_locks"] is True
    assert operation.options["compress"] == "gzip"
    assert AuditEvent.objects.get(action="operation.start").user_name == "oscar"


def test_the_container_stops_only_when_that_is_chosen(
    oscars_browser: Client, counter: Container
) -> None:
    dialog = text_of(oscars_browser.get(address(counter)))
    assert '<input type="radio" name="leave_running" value="on" checked autofocus>' in dialog
    oscars_browser.post(address(counter), {"leave_running": ""})
    assert Operation.objects.get().options["leave_running"] is False


def test_the_dialog_alone_is_sent_to_htmx(oscars_browser: Client, counter: Container) -> None:
    dialog = oscars_browser.get(address(counter), headers={"HX-Request": "true"})
    assert "<html" not in text_of(dialog)
    for option in ("leave-running", "tcp-established", "file-locks", "ignore-volumes"):
        assert f"--{option}" in text_of(dialog)


def test_a_refused_checkpoint_keeps_what_was_chosen(
    oscars_browser: Client, counter: Container
) -> None:
    first = make_checkpoint(counter)
    response = oscars_browser.post(address(counter), {"leave_running": "", "keep": "on"})
    assert response.status_code == 422
    html = text_of(response)
    assert f"counter is already in operation {first.pk}" in html
    assert '<input type="radio" name="leave_running" value="" checked autofocus>' in html
    assert response.context["form"]["keep"].value() is True
    assert Operation.objects.count() == 1


def test_a_compression_that_podman_lacks_is_refused(
    oscars_browser: Client, counter: Container
) -> None:
    response = oscars_browser.post(address(counter), {"compress": "xz"})
    assert response.status_code == 422
    assert "xz is not one of the available choices" in text_of(response)
    assert not Operation.objects.exists()


def test_preflight_shows_its_findings(
    oscars_browser: Client, fake_host: FakeHost, node_of: Callable[..., Node]
) -> None:
    fake_host.answers["criu check"] = ("", "Error: no userfaultfd\n", 1)
    container = make_container(node_of(fake_host))
    response = oscars_browser.post(
        address(container, "container-checkpoint-preflight"), {"leave_running": "on"}
    )
    html = text_of(response)
    assert "counter is running." in html
    assert "no userfaultfd" in html
    assert response.context["blocked"] is True
    assert not Operation.objects.exists()


def test_preflight_says_what_stops(
    oscars_browser: Client, fake_host: FakeHost, node_of: Callable[..., Node]
) -> None:
    container = make_container(node_of(fake_host))
    page = address(container, "container-checkpoint-preflight")
    runs_on = text_of(oscars_browser.post(page, {"leave_running": "on"}))
    assert "then runs on" in runs_on
    stops = text_of(oscars_browser.post(page, {"leave_running": ""}))
    assert "counter stops on alder" in stops
    assert "Checkpoint and stop" in stops


def test_preflight_of_an_unreachable_node_says_what_to_do(
    oscars_browser: Client, counter: Container
) -> None:
    response = oscars_browser.post(address(counter, "container-checkpoint-preflight"))
    assert "Check that the host is up" in text_of(response)


def test_several_are_started_and_shown_together(
    oscars_browser: Client, counter: Container, others: list[Container]
) -> None:
    chosen = {"container": [counter.pk, others[0].pk], "leave_running": "on"}
    response = oscars_browser.post(MANY, chosen, follow=True)
    started = {operation.container_name for operation in response.context["operations"]}
    assert started == {"counter", "web"}
    assert Operation.objects.filter(options__leave_running=True).count() == 2


@pytest.mark.parametrize("ids", ["x", ",", "-1", "9" * 30, "' OR 1=1"])
def test_odd_ids_show_no_operation(
    oscars_browser: Client, others: list[Container], ids: str
) -> None:
    response = oscars_browser.get(reverse("operation-list"), {"ids": ids})
    assert list(response.context["operations"]) == []


def test_those_that_are_refused_are_told_one_by_one(
    oscars_browser: Client, counter: Container, others: list[Container]
) -> None:
    chosen = {"container": [counter.pk, *(other.pk for other in others)]}
    page = text_of(oscars_browser.post(MANY, chosen, follow=True))
    assert "batch is already in operation" in page
    assert Operation.objects.count() == 3


def test_when_all_are_refused_the_dialog_stays(
    oscars_browser: Client, others: list[Container]
) -> None:
    response = oscars_browser.post(MANY, {"container": [others[1].pk]})
    assert response.status_code == 422
    assert "batch is already in operation" in text_of(response)


def test_what_its_preflight_warned_of_is_left_out(
    oscars_browser: Client, counter: Container, others: list[Container]
) -> None:
    chosen = {"container": [counter.pk, others[0].pk], "asked": "yes", "ready": [counter.pk]}
    page = text_of(oscars_browser.post(MANY, chosen, follow=True))
    assert "web was left out: its preflight failed." in page
    assert Operation.objects.filter(container_name="counter").exists()
    assert not Operation.objects.filter(container_name="web").exists()


def test_preflight_of_several_tells_one_verdict_each(
    oscars_browser: Client, fake_host: FakeHost, node_of: Callable[..., Node], counter: Container
) -> None:
    ready = make_container(node_of(fake_host, "cedar"), "web", podman_id="b" * 64)
    response = oscars_browser.post(
        reverse("containers-preflight"), {"container": [ready.pk, counter.pk]}
    )
    verdicts = {found.container.name: found.blocked for found in response.context["verdicts"]}
    assert verdicts == {"counter": True, "web": False}
    html = text_of(response)
    assert "Check that the host is up" in html
    assert f'name="ready" value="{ready.pk}"' in html
    assert f'name="ready" value="{counter.pk}"' not in html


def test_a_selection_of_nothing_says_so(oscars_browser: Client) -> None:
    assert "No container is selected" in text_of(oscars_browser.get(MANY))
    response = oscars_browser.post(MANY, {"container": ["-1", "x", "9" * 30]})
    assert response.status_code == 422


def test_only_who_may_act_is_offered_a_selection(
    vera: User, oscars_browser: Client, counter: Container
) -> None:
    page = reverse("container-list")
    box = f'name="container" value="{counter.pk}"'
    assert box in text_of(oscars_browser.get(page))
    assert box not in text_of(browser_of(vera).get(page))


@pytest.mark.parametrize("state", OperationState)
def test_a_checkpoints_page_renders_in_every_state(
    oscars_browser: Client, counter: Container, state: OperationState
) -> None:
    operation = make_checkpoint(counter, state=state)
    assert f'data-state="{state}"' in text_of(oscars_browser.get(operation.get_absolute_url()))


@pytest.mark.parametrize("leave_running, words", [(True, "runs on"), (False, "stopped there")])
def test_a_checkpoint_that_succeeded_leads_to_its_archive(
    oscars_browser: Client, counter: Container, leave_running: bool, words: str
) -> None:
    archive = make_archive(counter.node)
    operation = make_checkpoint(
        counter,
        state=OperationState.SUCCEEDED,
        archive=archive,
        result={"leave_running": leave_running, "frozen_s": 0.31, "bytes": 1024},
    )
    html = text_of(oscars_browser.get(operation.get_absolute_url()))
    assert f"counter was checkpointed on alder and {words}." in html
    assert archive.get_absolute_url() in html
    assert reverse("archive-restore", args=[archive.pk]) in html


def test_a_failed_checkpoint_is_tried_again_with_what_may_help(
    oscars_browser: Client, counter: Container
) -> None:
    operation = make_checkpoint(
        counter,
        state=OperationState.FAILED,
        options={"leave_running": False, "compress": "none", "keep": True},
        error={"message": "It has connections.", "options": {"tcp_established": True}},
    )
    html = text_of(oscars_browser.get(operation.get_absolute_url()))
    assert "Try again with --tcp-established" in html
    form = oscars_browser.get(retry_url(operation)).context["form"]
    assert form["tcp_established"].value() == "on"
    assert form["keep"].value() == "on"
    assert form["compress"].value() == "none"
    assert not form["leave_running"].value()


def test_the_containers_page_offers_checkpoint_and_its_archives(
    oscars_browser: Client, counter: Container
) -> None:
    page = counter.get_absolute_url()
    before = text_of(oscars_browser.get(page))
    assert address(counter) in before
    assert address(counter, "container-restore") not in before
    archive = make_archive(counter.node)
    after = text_of(oscars_browser.get(page))
    assert address(counter, "container-restore") in after
    assert archive.name in after


def test_a_stopped_container_is_restored_in_its_own_place(
    oscars_browser: Client, counter: Container
) -> None:
    archive = make_archive(counter.node)
    Container.objects.filter(podman_id=COUNTER_ID).update(state="exited")
    html = oscars_browser.get(address(counter, "container-restore")).content.decode()
    wanted = f"{reverse('archive-restore', args=[archive.pk])}?node={counter.node_id}"
    assert f"{wanted}&amp;replace=on" in html
