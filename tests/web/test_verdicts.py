"""What each card of the board says to a container that is held over it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from nodes.models import Container, Node, NodeState, Operation, OperationKind, OperationState
from tests.factories import HOST_KEY, make_container, make_node, make_operation
from tests.web.batch_hosts import Fleet, has_memory
from tests.web.text import text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("archives_folder")]
LEVEL = re.compile(r'data-node="(\d+)" data-name="\w+" data-level="(\w+)"( data-final)?')


def address(container: Container) -> str:
    return reverse("container-verdicts", args=[container.node_id, container.podman_id])


def levels(response: HttpResponse) -> dict[str, str]:
    """Return the level of each node's verdict by the node's name."""
    names = {str(node.pk): node.name for node in Node.objects.all()}
    return {names[key]: level for key, level, _ in LEVEL.findall(response.content.decode())}


def test_what_is_known_is_told_of_every_other_node_at_once(
    oscars_browser: Client, counter: Container
) -> None:
    response = oscars_browser.get(address(counter))
    assert levels(response) == {"birch": "ok"}
    assert "Looks ready" in text_of(response)
    assert "data-final" not in text_of(response)


@pytest.mark.parametrize(
    "values, level, reason",
    [
        (
            {"state": NodeState.UNREACHABLE, "problem": {"message": "No route."}},
            "error",
            "No route.",
        ),
        ({"state": NodeState.CONNECTING}, "error", "cedar has not answered yet."),
        ({"host_key": HOST_KEY}, "error", "It is the same host as alder."),
        ({"facts": {"architecture": "arm64"}}, "error", "Its processor is arm64"),
        (
            {"findings": [{"check": "criu", "level": "error", "message": "CRIU is missing."}]},
            "error",
            "CRIU is missing.",
        ),
        (
            {"findings": [{"check": "clock", "level": "error", "message": "The clock is wrong."}]},
            "warning",
            "The clock is wrong.",
        ),
    ],
)
def test_what_the_rows_say_against_a_node_is_told(
    oscars_browser: Client, counter: Container, values: dict[str, Any], level: str, reason: str
) -> None:
    Node.objects.filter(name="alder").update(facts={"architecture": "amd64"})
    make_node("cedar", **values)
    response = oscars_browser.get(address(counter))
    assert levels(response)["cedar"] == level
    assert reason in text_of(response)


def test_a_name_that_is_taken_there_stands_in_the_way(
    oscars_browser: Client, counter: Container
) -> None:
    make_container(Node.objects.get(name="birch"), podman_id="1" * 64)
    response = oscars_browser.get(address(counter))
    assert levels(response) == {"birch": "error"}
    assert "The name counter is taken there." in text_of(response)


def test_a_node_that_is_being_prepared_takes_nothing(
    oscars_browser: Client, counter: Container
) -> None:
    birch = Node.objects.get(name="birch")
    Operation.objects.create(
        kind=OperationKind.PREPARE, source=birch, source_name="birch", state=OperationState.RUNNING
    )
    assert levels(oscars_browser.get(address(counter))) == {"birch": "error"}


def test_a_container_that_is_moving_already_goes_nowhere(
    oscars_browser: Client, counter: Container
) -> None:
    operation = make_operation(counter.node, Node.objects.get(name="birch"))
    response = oscars_browser.get(address(counter))
    assert levels(response) == {"birch": "error"}
    assert f"It is in operation {operation.pk}" in text_of(response)


def test_the_nodes_that_are_named_are_asked_and_no_others(
    oscars_browser: Client, fleet: Fleet
) -> None:
    container = fleet.add("a")
    birch = fleet.node("birch")
    response = oscars_browser.post(address(container), {"node": [birch.pk, "x", container.node_id]})
    assert levels(response) == {"birch": "ok"}
    assert "data-final" in text_of(response)
    assert re.search(r"\d+ checks passed", text_of(response))
    assert fleet.asked("cedar", "podman", "ps") == 0
    assert not Operation.objects.exists()


def test_what_the_nodes_answer_is_told_before_anything_starts(
    oscars_browser: Client, fleet: Fleet
) -> None:
    container = fleet.add("a", memory_mib=2000)
    fleet.hosts["birch"].answers["podman volume ls"] = ("", "", 0)
    fleet.hosts["birch"].answers["criu check"] = ("", "Error: no userfaultfd\n", 1)
    has_memory(fleet.hosts["cedar"], 500)
    nodes = [fleet.node(name).pk for name in ("birch", "cedar")]
    response = oscars_browser.post(address(container), {"node": nodes})
    assert levels(response) == {"birch": "error", "cedar": "warning"}
    assert "It has 500 MiB of memory free, and a holds 2000 MiB." in text_of(response)


def test_a_source_that_does_not_answer_refuses_everywhere(
    oscars_browser: Client, fleet: Fleet
) -> None:
    container = fleet.add("a")
    fleet.hosts["alder"].stop()
    response = oscars_browser.post(address(container), {"node": fleet.node("birch").pk})
    assert levels(response) == {"birch": "error"}


def test_no_more_nodes_are_asked_at_once_than_the_site_can_bear(
    oscars_browser: Client, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nodes.operations.verdicts.MOST_ASKED", 1)
    container = fleet.add("a")
    nodes = [fleet.node(name).pk for name in ("birch", "cedar")]
    assert len(levels(oscars_browser.post(address(container), {"node": nodes}))) == 1


def test_the_number_of_queries_does_not_grow_with_the_nodes(
    oscars_browser: Client, counter: Container, django_assert_max_num_queries: Any
) -> None:
    for number in range(20):
        make_node(f"node{number}")
    with django_assert_max_num_queries(12):
        oscars_browser.get(address(counter))


def test_what_a_node_says_is_no_markup(oscars_browser: Client, counter: Container) -> None:
    problem = {"message": "<script>alert(1)</script>"}
    make_node("cedar", state=NodeState.UNREACHABLE, problem=problem)
    assert b"<script>" not in oscars_browser.get(address(counter)).content


def test_only_what_can_move_can_be_carried(
    oscars_browser: Client, vera: Any, counter: Container
) -> None:
    make_container(counter.node, "stopped", podman_id="2" * 64, state="exited")
    html = oscars_browser.get("/").content.decode()
    assert re.findall(r'data-carry="(\w+)"', html) == ["counter"]
    client = Client()
    client.force_login(vera)
    assert "data-carry=" not in client.get("/").content.decode()
