"""Batches by way of the API."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from nodes.models import AuditEvent, Batch, BatchItemState, BatchState, Operation
from nodes.operations.batch_turn import turn
from tests.factories import make_batch
from tests.web.batch_hosts import Fleet, podman_id

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("archives_folder")]
BATCHES = "/api/v1/batches"


@pytest.fixture
def alder(fleet: Fleet) -> Fleet:
    """Let alder have the containers a and b."""
    fleet.add("a")
    fleet.add("b")
    return fleet


def send(client: Client, path: str = "", **body: Any) -> Any:
    return client.post(f"{BATCHES}{path}", body, content_type="application/json")


def evacuate(client: Client, path: str = "", **values: Any) -> Any:
    return send(client, path, **{"kind": "evacuate", "node": "alder", **values})


def test_an_evacuation_is_planned_without_changing_anything(
    oscars_program: Client, alder: Fleet
) -> None:
    response = evacuate(oscars_program, "/plan")
    plan = response.json()
    assert response.status_code == 200, plan
    assert [(item["container"], item["destination_name"]) for item in plan["items"]] == [
        ("a", "birch"),
        ("b", "cedar"),
    ]
    assert plan["items"][0]["memory_bytes"] == 64 * 1024 * 1024
    assert plan["items"][0]["findings"]
    assert plan["free_bytes"] == {"birch": 4096 * 1024 * 1024, "cedar": 4096 * 1024 * 1024}
    assert not Batch.objects.exists()


def test_an_evacuation_is_started_and_followed(oscars_program: Client, alder: Fleet) -> None:
    response = evacuate(
        oscars_program, parallelism=1, pause_on_failure=True, options={"compress": "gzip"}
    )
    started = response.json()
    assert response.status_code == 202, started
    assert response["Location"] == f"{BATCHES}/{started['id']}"
    assert (started["kind"], started["state"], started["node_name"]) == (
        "evacuate", "running", "alder",
    )  # fmt: skip
    assert (started["parallelism"], started["pause_on_failure"]) == (1, True)
    assert started["counts"]["waiting"] == 2
    assert started["created_by"] == "oscar"
    turn()
    followed = oscars_program.get(response["Location"]).json()
    assert [item["state"] for item in followed["items"]] == ["running", "waiting"]
    operation = Operation.objects.get()
    assert followed["items"][0]["operation"] == operation.pk
    assert operation.options["compress"] == "gzip"
    assert AuditEvent.objects.get(action="batch.start").user_name == "oscar"
    listed = oscars_program.get(BATCHES).json()
    assert (listed["total"], listed["items"][0]["counts"]["running"]) == (1, 1)


def test_destinations_are_chosen_by_name_or_id(oscars_program: Client, alder: Fleet) -> None:
    chosen = {"a": alder.node("cedar").pk, podman_id("b"): None}
    items = evacuate(oscars_program, destinations=chosen).json()["items"]
    assert [(item["destination_name"], item["state"]) for item in items] == [
        ("cedar", "waiting"),
        ("", "skipped"),
    ]


def test_several_containers_of_several_nodes_are_migrated(
    oscars_program: Client, alder: Fleet
) -> None:
    alder.add("c", "birch")
    containers = [{"node": "alder", "container": "a"}, {"node": "birch", "container": "c"}]
    response = send(
        oscars_program, kind="migrate", containers=[*containers, containers[0]],
        destinations={"a": "cedar", "c": "cedar"},
    )  # fmt: skip
    items = response.json()["items"]
    assert [(item["source_name"], item["destination_name"]) for item in items] == [
        ("alder", "cedar"),
        ("birch", "cedar"),
    ]


@pytest.mark.parametrize(
    "values, field, code",
    [
        ({"kind": "destroy"}, "kind", "invalid_request"),
        ({"node": None}, "node", "invalid_request"),
        ({"node": "elder"}, "node", "unknown_node"),
        ({"parallelism": 0}, "parallelism", "invalid_request"),
        ({"parallelism": 17}, "parallelism", "invalid_request"),
        ({"options": {"turbo": True}}, "options", "invalid_option"),
        ({"destinations": {"z": "birch"}}, "destinations", "unknown_container"),
        ({"destinations": {"a": "elder"}}, "destinations", "unknown_node"),
        ({"containers": [{"node": "alder", "container": "a"}]}, "containers", "invalid_request"),
        ({"kind": "migrate"}, "node", "invalid_request"),
        (
            {"kind": "migrate", "node": None, "containers": [{"node": "alder", "container": "?"}]},
            "container",
            "invalid_request",
        ),
        ({"surprise": 1}, "surprise", "invalid_request"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(
    oscars_program: Client, alder: Fleet, values: dict[str, Any], field: str, code: str
) -> None:
    response = evacuate(oscars_program, **values)
    problem = response.json()
    assert (response.status_code, problem["code"]) == (422, code), problem
    assert problem["errors"][0]["field"] == field
    assert not Batch.objects.exists()


def test_one_name_on_two_nodes_has_to_be_told_apart(oscars_program: Client, alder: Fleet) -> None:
    alder.add("a", "birch")
    both = [{"node": "alder", "container": "a"}, {"node": "birch", "container": "a"}]
    response = send(oscars_program, kind="migrate", containers=both, destinations={"a": "cedar"})
    assert response.json()["code"] == "ambiguous_container"


def test_nothing_to_move_is_a_conflict_with_its_reasons(
    oscars_program: Client, fleet: Fleet
) -> None:
    fleet.add("a", state="exited")
    response = evacuate(oscars_program)
    assert (response.status_code, response.json()["code"]) == (409, "nothing_to_move")
    assert "It is exited" in response.json()["cause"]


def test_it_is_paused_resumed_and_cancelled(oscars_program: Client, alder: Fleet) -> None:
    batch = Batch.objects.get(pk=evacuate(oscars_program).json()["id"])
    turn()
    for what, state in (("pause", "paused"), ("resume", "running"), ("cancel", "cancelled")):
        response = oscars_program.post(f"{BATCHES}/{batch.pk}/{what}?stop_running=true")
        assert (response.status_code, response.json()["state"]) == (202, state)
    again = oscars_program.post(f"{BATCHES}/{batch.pk}/pause")
    assert (again.status_code, again.json()["code"]) == (409, "refused")
    turn()
    ended = oscars_program.get(f"{BATCHES}/{batch.pk}").json()
    assert ended["ended_at"]
    assert ended["counts"]["skipped"] == 2


def test_one_is_left_and_failed_ones_are_tried_again(oscars_program: Client, alder: Fleet) -> None:
    batch = make_batch([], alder.node("birch"))
    item = batch.items.create(container_name="a", source_name="alder")
    failed = batch.items.create(
        container_name="b", source_name="alder", state=BatchItemState.FAILED
    )
    skipped = oscars_program.post(f"{BATCHES}/{batch.pk}/items/{item.pk}/skip")
    assert skipped.json()["items"][0]["state"] == "skipped"
    retried = oscars_program.post(f"{BATCHES}/{batch.pk}/retry")
    assert retried.json()["items"][1]["state"] == "waiting"
    assert oscars_program.post(f"{BATCHES}/{batch.pk}/retry").status_code == 409
    assert failed.pk == retried.json()["items"][1]["id"]


def test_what_was_moved_is_brought_back(oscars_program: Client, fleet: Fleet) -> None:
    moved = fleet.add("a", "birch")
    batch = make_batch([moved], fleet.node("birch"), kind="evacuate", node=fleet.node("alder"))
    batch.items.update(source=fleet.node("alder"), state=BatchItemState.SUCCEEDED)
    Batch.objects.update(state=BatchState.ENDED, ended_at=batch.created_at, parallelism=5)
    response = oscars_program.post(f"{BATCHES}/{batch.pk}/bring-back")
    back = response.json()
    assert (response.status_code, back["kind"]) == (202, "bring-back")
    assert response["Location"] == f"{BATCHES}/{back['id']}"
    assert (back["back_of"], back["parallelism"]) == (batch.pk, 5)
    (item,) = back["items"]
    assert (item["source_name"], item["destination_name"]) == ("birch", "alder")


@pytest.mark.parametrize(
    "options, ended, message",
    [
        ({}, False, "The batch has not ended."),
        ({"keep_source": True}, True, "It kept each container where it was, too"),
    ],
)
def test_what_cannot_be_brought_back_is_a_conflict(
    oscars_program: Client, fleet: Fleet, options: dict[str, Any], ended: bool, message: str
) -> None:
    batch = make_batch([fleet.add("a", "birch")], fleet.node("birch"), options=options)
    batch.items.update(source=fleet.node("alder"), state=BatchItemState.SUCCEEDED)
    if ended:
        turn()
    response = oscars_program.post(f"{BATCHES}/{batch.pk}/bring-back")
    assert (response.status_code, response.json()["code"]) == (409, "refused")
    assert message in response.json()["detail"]
    assert Batch.objects.count() == 1
