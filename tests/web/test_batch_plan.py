"""The plan of a batch: each node is asked once, each container told where it goes, or why not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.contrib.auth.models import User

from nodes.models import Batch, BatchItemState, BatchState, Node, NodeState
from nodes.operations import batches
from nodes.operations.batch_plan import BatchPlan, plan_batch
from nodes.operations.batch_request import evacuation_of, migration_of, way_back_of
from nodes.operations.batch_turn import turn
from nodes.operations.start import Refused
from tests.factories import make_batch, make_checkpoint, make_node
from tests.web.batch_hosts import Fleet, has_memory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("archives_folder")]


def told(plan: BatchPlan) -> dict[str, str]:
    """Return the destination of each, or the reason why it stays."""
    return {
        item.container.name: item.choice.destination or item.choice.reason for item in plan.items
    }


def test_the_containers_are_spread_by_memory(fleet: Fleet) -> None:
    has_memory(fleet.hosts["birch"], 5000)
    for name in "abcd":
        fleet.add(name, memory_mib=800)
    plan = plan_batch(evacuation_of(fleet.node("alder")))
    assert told(plan) == {"a": "birch", "b": "birch", "c": "cedar", "d": "birch"}
    assert {item.memory_bytes for item in plan.items} == {800 * 1024 * 1024}
    assert plan.free_bytes == {"birch": 5000 * 1024 * 1024, "cedar": 4096 * 1024 * 1024}


def test_each_node_is_asked_about_itself_once_however_many_move(fleet: Fleet) -> None:
    for number in range(12):
        fleet.add(f"web{number}")
    assert len(plan_batch(evacuation_of(fleet.node("alder"))).moving) == 12
    for name in ("alder", "birch", "cedar"):
        assert fleet.asked(name, "sh", "-c") == 1
    for name in ("birch", "cedar"):
        assert fleet.asked(name, "podman", "ps") == 1
        assert fleet.asked(name, "podman", "image", "exists") == 1
    assert fleet.asked("alder", "podman", "container", "inspect") == 12


def test_a_node_that_preflight_refuses_takes_nothing(fleet: Fleet) -> None:
    fleet.hosts["birch"].answers["criu check"] = ("", "Error: no userfaultfd\n", 1)
    fleet.add("a")
    plan = plan_batch(evacuation_of(fleet.node("alder")))
    assert told(plan) == {"a": "cedar"}
    assert {each.node.name: each.level for each in plan.items[0].verdicts} == {
        "birch": "error",
        "cedar": "ok",
    }


def test_what_cannot_go_anywhere_is_told_with_its_reason(fleet: Fleet) -> None:
    for name in ("birch", "cedar"):
        fleet.hosts[name].answers["podman network ls"] = ("other\n", "", 0)
    fleet.add("a")
    plan = plan_batch(evacuation_of(fleet.node("alder")))
    assert told(plan)["a"] == (
        "No node can take it. birch, cedar: A network of the container is missing on the "
        "destination."
    )
    assert plan.moving == []


def test_what_does_not_run_or_is_in_an_operation_stays(fleet: Fleet) -> None:
    fleet.add("a", state="exited")
    busy = make_checkpoint(fleet.add("b"))
    batch = make_batch([fleet.add("c")], fleet.node("birch"))
    fleet.add("d")
    plan = plan_batch(evacuation_of(fleet.node("alder")))
    assert told(plan) == {
        "a": "It is exited, not running: there is no memory to move.",
        "b": f"It is in operation {busy.pk} ({busy}) already.",
        "c": f"It is in batch {batch.pk} ({batch}) already.",
        "d": "birch",
    }


def test_a_node_that_is_away_is_no_destination(fleet: Fleet) -> None:
    problem = {"code": "x", "message": "birch does not answer."}
    Node.objects.filter(name="birch").update(state=NodeState.UNREACHABLE, problem=problem)
    fleet.add("a")
    assert told(plan_batch(evacuation_of(fleet.node("alder")))) == {"a": "cedar"}
    assert fleet.hosts["birch"].commands == []


def test_nodes_that_fall_silent_are_said_of_each_container(fleet: Fleet) -> None:
    for name in ("birch", "cedar"):
        fleet.hosts[name].stop()
    fleet.add("a")
    reason = told(plan_batch(evacuation_of(fleet.node("alder"))))["a"]
    assert "birch: birch cannot be reached" in reason


def test_the_same_host_under_another_name_is_no_destination(fleet: Fleet) -> None:
    Node.objects.filter(name="birch").update(
        port=fleet.hosts["alder"].port, host_key=fleet.hosts["alder"].host_key
    )
    Node.objects.filter(name="cedar").delete()
    fleet.add("a")
    reason = told(plan_batch(evacuation_of(fleet.node("alder"))))["a"]
    assert reason == "No node can take it. birch: It is the same host as alder."


def test_a_container_that_has_gone_stays_without_hurting_the_others(fleet: Fleet) -> None:
    gone = fleet.add("a")
    fleet.hosts["alder"].answers[f"podman container inspect --size -- {gone.podman_id}"] = (
        "",
        "Error: no such container",
        125,
    )
    fleet.add("b")
    found = told(plan_batch(evacuation_of(fleet.node("alder"))))
    assert "There is no container" in found["a"]
    assert found["b"] == "birch"


def test_a_person_chooses_and_leaves(fleet: Fleet) -> None:
    a, b = fleet.add("a"), fleet.add("b")
    request = evacuation_of(fleet.node("alder"))
    wanted = {a.pk: fleet.node("cedar"), b.pk: None}
    plan = plan_batch(replace(request, wanted=wanted))
    assert told(plan) == {"a": "cedar", "b": ""}
    assert [item.container.name for item in plan.items if item.is_left] == ["b"]


def test_two_of_one_port_from_two_nodes_go_to_different_ones(fleet: Fleet) -> None:
    one = fleet.add("a", port=8080)
    other = fleet.add("b", "birch", port=8080)
    # alder and birch still show their own, so that neither can take the other's.
    for node in ("alder", "birch"):
        fleet.hosts[node].answers["podman network ls"] = ("other\n", "", 0)
    found = told(plan_batch(migration_of([one, other])))
    assert found["a"] == "cedar"
    assert "cedar: a, which goes there too, has port 8080/tcp." in found["b"]


def test_the_batch_keeps_what_was_found_of_each(fleet: Fleet) -> None:
    fleet.add("a", memory_mib=64)
    fleet.add("b", state="exited")
    batch = batches.start_batch(None, plan_batch(evacuation_of(fleet.node("alder"))), parallelism=3)
    moving, staying = batch.items.all()
    assert (batch.kind, batch.node_name, batch.parallelism) == ("evacuate", "alder", 3)
    assert (moving.state, moving.destination_name) == (BatchItemState.WAITING, "birch")
    assert moving.memory_bytes == 64 * 1024 * 1024
    assert "a is running." in {finding["message"] for finding in moving.findings}
    assert (staying.state, staying.destination) == (BatchItemState.SKIPPED, None)
    assert staying.reason.startswith("It is exited")


def test_a_plan_of_which_nothing_can_move_is_refused(fleet: Fleet) -> None:
    fleet.add("a", state="exited")
    plan = plan_batch(evacuation_of(fleet.node("alder")))
    with pytest.raises(batches.NothingToMove) as refused:
        batches.start_batch(None, plan)
    assert "It is exited" in refused.value.problem.cause
    assert not Batch.objects.exists()


def test_two_batches_of_one_plan_move_each_container_once(fleet: Fleet) -> None:
    fleet.add("a")
    plan = plan_batch(evacuation_of(fleet.node("alder")))
    batches.start_batch(None, plan)
    with pytest.raises(batches.NothingToMove):
        batches.start_batch(None, plan)
    assert Batch.objects.count() == 1


def test_what_still_is_where_it_went_is_brought_back(fleet: Fleet, oscar: User) -> None:
    moved, left = fleet.add("a", "birch"), fleet.add("b", "birch")
    batch = make_batch([], fleet.node("birch"), kind="evacuate", node=fleet.node("alder"))
    for container in (moved, left):
        batch.items.create(
            container_podman_id=container.podman_id,
            container_name=container.name,
            source=fleet.node("alder"),
            source_name="alder",
            destination=fleet.node("birch"),
            destination_name="birch",
            state=BatchItemState.SUCCEEDED,
        )
    Batch.objects.update(state=BatchState.ENDED, ended_at=batch.created_at)
    batch.refresh_from_db()
    left.delete()
    plan = plan_batch(way_back_of(batch))
    assert told(plan) == {"a": "alder"}
    assert list(plan.request.missing) == [("b", "It is not on birch any more.")]
    back = batches.start_batch(oscar, plan)
    assert (back.kind, back.back_of, str(back)) == ("bring-back", batch, "Bring back to alder")
    turn()
    item = back.items.get()
    assert item.operation is not None
    assert (item.operation.source_name, item.operation.destination_name) == ("birch", "alder")


def test_a_batch_of_nodes_that_were_removed_brings_nothing_back(fleet: Fleet) -> None:
    batch = make_batch([fleet.add("a")], fleet.node("birch"))
    batch.items.update(state=BatchItemState.SUCCEEDED)
    make_node("elm")
    fleet.node("birch").delete()
    turn()
    batch.refresh_from_db()
    assert list(way_back_of(batch).containers) == []


def test_nothing_is_brought_back_by_a_plan_whose_batch_has_begun_again(
    fleet: Fleet, oscar: User
) -> None:
    batch = make_batch([fleet.add("a", "birch"), fleet.add("b")], fleet.node("birch"))
    batch.items.update(source=fleet.node("alder"), state=BatchItemState.SUCCEEDED)
    batch.items.filter(container_name="b").update(state=BatchItemState.FAILED)
    turn()
    batch.refresh_from_db()
    plan = plan_batch(way_back_of(batch))
    batches.retry(oscar, batch)
    with pytest.raises(Refused, match="has not ended"):
        batches.start_batch(oscar, plan)
    assert Batch.objects.count() == 1
