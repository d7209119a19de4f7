"""Evacuating a node, migrating several containers and following them, as pages."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from nodes.models import (
    AuditEvent,
    Batch,
    BatchItemState,
    BatchState,
    Container,
    Node,
    Operation,
    OperationState,
)
from nodes.operations.batch_turn import turn
from tests.conftest import browser_of
from tests.factories import make_batch, make_container
from tests.web.batch_hosts import Fleet, has_memory, podman_id
from tests.web.text import text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("archives_folder")]
HOW = {"parallelism": "2", "compress": "zstd"}
HTMX = {"HX-Request": "true"}


@pytest.fixture
def evacuate(fleet: Fleet) -> str:
    fleet.add("a")
    fleet.add("b")
    fleet.add("off", state="exited")
    return reverse("node-evacuate", args=[fleet.node("alder").pk])


@pytest.fixture
def batch(counter: Container) -> Batch:
    """Return a batch of two containers that wait to go from alder to birch."""
    other = make_container(counter.node, "web", podman_id=podman_id("web"))
    return make_batch(
        [counter, other], Node.objects.get(name="birch"), kind="evacuate", node=counter.node,
        node_name="alder",
    )  # fmt: skip


def of(batch: Batch, what: str) -> str:
    return reverse(f"batch-{what}", args=[batch.pk])


def page_of(browser: Client, batch: Batch) -> str:
    return text_of(browser.get(batch.get_absolute_url()))


def test_the_nodes_page_offers_evacuation_to_who_may_act(
    vera: User, oscars_browser: Client, counter: Container
) -> None:
    link = reverse("node-evacuate", args=[counter.node_id])
    page = counter.node.get_absolute_url()
    assert link in text_of(oscars_browser.get(page))
    assert link not in text_of(browser_of(vera).get(page))


def test_the_page_is_there_before_the_nodes_have_answered(
    oscars_browser: Client, fleet: Fleet, evacuate: str
) -> None:
    html = text_of(oscars_browser.get(evacuate))
    assert "Evacuate alder" in html
    assert all(f'aria-label="Destination of {name}"' in html for name in "ab")
    assert 'aria-label="Destination of off"' not in html
    assert "These stay where they are" in html
    assert fleet.hosts["alder"].commands == []


def test_asking_the_nodes_shows_where_each_goes_and_starts_nothing(
    oscars_browser: Client, evacuate: str
) -> None:
    response = oscars_browser.post(evacuate, {**HOW, "check": "1"})
    html = text_of(response)
    assert response.status_code == 200
    assert "Automatic: birch" in html
    assert "Automatic: cedar" in html
    assert "move 2 of 3" in html
    assert "It is exited, not running: there is no memory to move." in html
    assert not Batch.objects.exists()


def test_htmx_gets_the_rows_alone(oscars_browser: Client, evacuate: str) -> None:
    html = text_of(oscars_browser.post(evacuate, {**HOW, "check": "1"}, headers=HTMX))
    assert "<html" not in html
    assert 'id="batch-plan"' not in html
    assert 'id="batch-submit"' in html


def test_without_javascript_one_press_plans_and_starts(
    oscars_browser: Client, evacuate: str
) -> None:
    response = oscars_browser.post(evacuate, {"parallelism": "3", "pause_on_failure": "on"})
    batch = Batch.objects.get()
    assert (response.status_code, response["Location"]) == (302, batch.get_absolute_url())
    assert (batch.parallelism, batch.pause_on_failure) == (3, True)
    assert str(batch) == "Evacuate alder"
    states = dict(batch.items.values_list("container_name", "state"))
    assert states == {"a": "waiting", "b": "waiting", "off": "skipped"}
    event = AuditEvent.objects.get(action="batch.start")
    assert (event.user_name, event.subject) == ("oscar", "Evacuate alder")
    assert event.detail["containers"] == ["a: alder to birch", "b: alder to cedar"]


def test_what_was_shown_is_what_is_done(
    oscars_browser: Client, fleet: Fleet, evacuate: str
) -> None:
    a, cedar = Container.objects.get(name="a"), fleet.node("cedar")
    body = {**HOW, f"destination-{a.pk}": "auto", f"planned-{a.pk}": cedar.pk}
    oscars_browser.post(evacuate, body)
    assert Batch.objects.get().items.get(container_name="a").destination == cedar


def test_what_was_planned_stays_when_its_node_has_run_out_of_memory_meanwhile(
    oscars_browser: Client, fleet: Fleet, evacuate: str
) -> None:
    a, b = Container.objects.get(name="a"), Container.objects.get(name="b")
    has_memory(fleet.hosts["birch"], 100)
    planned = {f"planned-{a.pk}": fleet.node("birch").pk, f"planned-{b.pk}": fleet.node("cedar").pk}
    oscars_browser.post(evacuate, {**HOW, **planned})
    items = Batch.objects.get().items
    assert items.get(container_name="b").destination_name == "cedar"
    stays = items.get(container_name="a")
    assert (stays.state, stays.destination) == (BatchItemState.SKIPPED, None)
    assert stays.reason == (
        "It was to go to birch, and cannot any more. "
        "It has 100 MiB of memory left, and a holds 64 MiB."
    )


def test_a_choice_and_options_are_followed(
    oscars_browser: Client, fleet: Fleet, evacuate: str
) -> None:
    a, b = Container.objects.get(name="a"), Container.objects.get(name="b")
    body = {
        **HOW,
        "tcp_established": "on",
        f"destination-{a.pk}": fleet.node("cedar").pk,
        f"destination-{b.pk}": "leave",
    }
    oscars_browser.post(evacuate, body)
    batch = Batch.objects.get()
    assert batch.options["tcp_established"] is True
    assert batch.items.get(container_name="a").destination_name == "cedar"
    left = batch.items.get(container_name="b")
    assert (left.state, left.reason) == ("skipped", "Somebody chose to leave it where it is.")


def test_a_choice_that_cannot_work_says_why_beside_it(
    oscars_browser: Client, fleet: Fleet, evacuate: str
) -> None:
    fleet.hosts["cedar"].answers["podman network ls"] = ("other\n", "", 0)
    a = Container.objects.get(name="a")
    body = {**HOW, "check": "1", f"destination-{a.pk}": fleet.node("cedar").pk}
    html = text_of(oscars_browser.post(evacuate, body))
    assert "It cannot go to cedar. A network of the container is missing" in html
    assert "cedar – cannot take it" in html


@pytest.mark.parametrize("value", ["0", "17", "x", ""])
def test_a_parallelism_that_cannot_be_is_refused(
    oscars_browser: Client, evacuate: str, value: str
) -> None:
    assert oscars_browser.post(evacuate, {"parallelism": value}).status_code == 422
    assert not Batch.objects.exists()


@pytest.mark.parametrize("value", ["x", "-1", "9" * 30, "<script>"])
def test_an_odd_destination_is_none(oscars_browser: Client, evacuate: str, value: str) -> None:
    a = Container.objects.get(name="a")
    oscars_browser.post(evacuate, {**HOW, f"destination-{a.pk}": value})
    assert Batch.objects.get().items.get(container_name="a").destination_name == "birch"


def test_when_nothing_can_move_the_page_stays_and_says_why(
    oscars_browser: Client, fleet: Fleet, evacuate: str
) -> None:
    Container.objects.update(state="exited")
    response = oscars_browser.post(evacuate, HOW)
    assert response.status_code == 422
    assert "None of these containers can be moved as they are." in text_of(response)


def test_a_node_without_containers_says_so(oscars_browser: Client, counter: Container) -> None:
    birch = Node.objects.get(name="birch")
    html = text_of(oscars_browser.get(reverse("node-evacuate", args=[birch.pk])))
    assert "birch has no container" in html


def test_a_selection_is_planned_from_the_list_of_containers(
    oscars_browser: Client, fleet: Fleet, evacuate: str
) -> None:
    page = reverse("containers-migrate")
    assert f'formaction="{page}"' in text_of(oscars_browser.get(reverse("container-list")))
    chosen = {"container": [Container.objects.get(name="a").pk]}
    html = text_of(oscars_browser.get(page, chosen))
    assert "on alder" in html
    assert "Each container moves to a node that Ferry chooses, unless you do." in html
    oscars_browser.post(page, {**HOW, **chosen})
    batch = Batch.objects.get()
    assert (str(batch), batch.items.count()) == ("Migrate several containers", 1)


def test_a_selection_of_nothing_says_so(oscars_browser: Client) -> None:
    html = text_of(oscars_browser.get(reverse("containers-migrate"), {"container": ["x", "-1"]}))
    assert "No container is selected" in html


@pytest.mark.parametrize("state", BatchState)
def test_a_batchs_page_renders_in_every_state(
    vera: User, oscars_browser: Client, batch: Batch, state: BatchState
) -> None:
    for number, item_state in enumerate(BatchItemState):
        batch.items.create(
            container_name=f"n{number}",
            container_podman_id=podman_id(f"n{number}"),
            source_name="elm",
            state=item_state,
            reason="Because <b>.",
        )
    Batch.objects.update(state=state, pause_reason="web could not be moved.")
    html = oscars_browser.get(batch.get_absolute_url()).content.decode()
    assert "Because &lt;b&gt;." in html
    assert "Evacuate alder" in html
    assert ("web could not be moved." in html) is (state == BatchState.PAUSED)
    forms = re.findall(r'action="(/batches/[^"]*)"', page_of(browser_of(vera), batch))
    assert forms == []


def test_an_item_leads_to_its_operation(oscars_browser: Client, batch: Batch) -> None:
    turn()
    html = page_of(oscars_browser, batch)
    assert all(each.get_absolute_url() in html for each in Operation.objects.all())
    assert "0 of 2 moved" in html


def act(browser: Client, batch: Batch, what: str, **body: Any) -> Batch:
    response = browser.post(of(batch, what), body)
    assert (response.status_code, response["Location"]) == (302, batch.get_absolute_url())
    batch.refresh_from_db()
    return batch


def test_it_is_paused_resumed_and_cancelled_with_a_trace(
    oscars_browser: Client, batch: Batch
) -> None:
    assert act(oscars_browser, batch, "pause").state == BatchState.PAUSED
    assert of(batch, "resume") in page_of(oscars_browser, batch)
    assert act(oscars_browser, batch, "resume").state == BatchState.RUNNING
    page = text_of(oscars_browser.get(of(batch, "cancel")))
    assert "2 containers still wait: they stay where they are." in page
    assert "Let them finish" not in page
    turn()
    assert "Let them finish" in text_of(oscars_browser.get(of(batch, "cancel")))
    assert act(oscars_browser, batch, "cancel", running="stop").state == BatchState.CANCELLED
    actions = AuditEvent.objects.order_by("pk").values_list("action", flat=True)
    assert [name for name in actions if name.startswith("batch.")] == [
        "batch.pause",
        "batch.resume",
        "batch.cancel",
    ]
    assert "nothing left to cancel" in text_of(oscars_browser.get(of(batch, "cancel")))


def test_one_that_is_paused_says_when_it_began_and_not_how_long_it_runs(
    oscars_browser: Client, batch: Batch
) -> None:
    assert "Running for" in page_of(oscars_browser, batch)
    Batch.objects.update(state=BatchState.PAUSED)
    html = page_of(oscars_browser, batch)
    assert "Running for" not in html
    assert re.search(r"Begun\s+<time ", html)


def test_what_cannot_be_done_any_more_is_said(oscars_browser: Client, batch: Batch) -> None:
    Batch.objects.update(state=BatchState.ENDED)
    page = text_of(oscars_browser.post(of(batch, "pause"), follow=True))
    assert "The batch is ended." in page


def test_one_that_waits_is_left(oscars_browser: Client, batch: Batch) -> None:
    item = batch.items.first()
    assert item is not None
    address = reverse("batch-skip", args=[batch.pk, item.pk])
    assert address in page_of(oscars_browser, batch)
    oscars_browser.post(address)
    item.refresh_from_db()
    assert item.state == BatchItemState.SKIPPED
    assert AuditEvent.objects.get(action="batch.skip").detail["container"] == "counter"


def test_an_item_of_another_batch_is_not_found(oscars_browser: Client, batch: Batch) -> None:
    other = make_batch([], Node.objects.get(name="birch"))
    item = batch.items.get(container_name="web")
    response = oscars_browser.post(reverse("batch-skip", args=[other.pk, item.pk]))
    assert response.status_code == 404


def test_failed_ones_are_tried_again_by_a_button(oscars_browser: Client, batch: Batch) -> None:
    assert of(batch, "retry") not in page_of(oscars_browser, batch)
    batch.items.filter(container_name="web").update(state=BatchItemState.FAILED)
    assert of(batch, "retry") in page_of(oscars_browser, batch)
    act(oscars_browser, batch, "retry")
    assert batch.items.get(container_name="web").state == BatchItemState.WAITING


def test_nothing_is_offered_again_while_it_is_being_cancelled(
    oscars_browser: Client, batch: Batch
) -> None:
    batch.items.filter(container_name="web").update(state=BatchItemState.FAILED)
    Batch.objects.update(state=BatchState.CANCELLED)
    assert of(batch, "retry") not in page_of(oscars_browser, batch)
    page = text_of(oscars_browser.post(of(batch, "retry"), follow=True))
    assert "The batch is being cancelled. Wait until" in page


def test_what_was_moved_is_brought_back_by_a_page(oscars_browser: Client, fleet: Fleet) -> None:
    moved = fleet.add("a", "birch")
    batch = make_batch([moved], fleet.node("birch"), kind="evacuate", node=fleet.node("alder"))
    batch.items.update(source=fleet.node("alder"), state=BatchItemState.SUCCEEDED)
    assert of(batch, "bring-back") not in page_of(oscars_browser, batch)
    turn()
    assert of(batch, "bring-back") in page_of(oscars_browser, batch)
    html = text_of(oscars_browser.get(of(batch, "bring-back")))
    assert f'<option value="{fleet.node("alder").pk}" selected>' in html
    oscars_browser.post(of(batch, "bring-back"), HOW)
    back = Batch.objects.get(kind="bring-back")
    item = back.items.get()
    assert (item.source_name, item.destination_name) == ("birch", "alder")
    assert back.get_absolute_url() in page_of(oscars_browser, batch)


def test_what_was_kept_where_it_was_is_not_brought_back_and_the_page_says_why(
    oscars_browser: Client, batch: Batch
) -> None:
    batch.items.update(state=BatchItemState.SUCCEEDED)
    Batch.objects.update(options={"keep_source": True})
    turn()
    html = page_of(oscars_browser, batch)
    assert of(batch, "bring-back") not in html
    assert "It kept each container where it was, too" in html


def test_a_batch_under_way_cannot_be_brought_back_by_its_page(
    oscars_browser: Client, batch: Batch
) -> None:
    response = oscars_browser.post(of(batch, "bring-back"), HOW, follow=True)
    assert "The batch has not ended. Wait for it, or cancel it first" in text_of(response)
    assert Batch.objects.count() == 1


def test_batches_are_on_the_page_of_operations_and_in_the_tray(
    oscars_browser: Client, batch: Batch
) -> None:
    html = text_of(oscars_browser.get(reverse("operation-list")))
    assert html.count(batch.get_absolute_url()) == 2
    Batch.objects.update(state=BatchState.ENDED, ended_at=batch.created_at)
    html = text_of(oscars_browser.get(reverse("operation-list")))
    assert html.count(batch.get_absolute_url()) == 1
    assert batch.get_absolute_url() in text_of(oscars_browser.get(reverse("batch-list")))


def test_no_batch_says_how_to_begin_one(oscars_browser: Client) -> None:
    html = text_of(oscars_browser.get(reverse("batch-list")))
    assert "No batch yet" in html


def test_an_operation_tells_of_its_batch(oscars_browser: Client, batch: Batch) -> None:
    turn()
    operation = Operation.objects.get(container_name="counter")
    html = text_of(oscars_browser.get(operation.get_absolute_url()))
    assert batch.get_absolute_url() in html


def test_the_list_of_batches_asks_the_database_the_same_however_many_there_are(
    oscars_browser: Client, batch: Batch, django_assert_max_num_queries: Any
) -> None:
    birch = Node.objects.get(name="birch")
    for _ in range(20):
        make_batch([], birch)
    Operation.objects.update(state=OperationState.SUCCEEDED)
    with django_assert_max_num_queries(12):
        oscars_browser.get(reverse("batch-list"))
