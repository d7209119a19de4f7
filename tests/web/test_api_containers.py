"""Containers by way of the API."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from nodes.models import Container, Node
from tests.factories import make_container, make_node
from tests.fake_host import FakeHost

pytestmark = pytest.mark.django_db


def test_refresh_asks_the_node_now(
    oscars_program: Client, fake_host: FakeHost, node_of: Callable[..., Node]
) -> None:
    node = node_of(fake_host)
    address = f"/api/v1/nodes/{node.pk}/containers"
    assert oscars_program.get(address).json() == []
    found = oscars_program.get(f"{address}?refresh=true").json()
    assert [row["name"] for row in found] == ["counter", "web"]
    assert found[0]["ports"][0]["host_port"] == 8081
    assert (found[0]["node"], found[0]["node_name"]) == (node.pk, "alder")


def test_refresh_of_an_unreachable_node_says_so(oscars_program: Client) -> None:
    node = make_node()
    response = oscars_program.get(f"/api/v1/nodes/{node.pk}/containers?refresh=true")
    assert (response.status_code, response.json()["code"]) == (502, "node_unreachable")


@pytest.mark.parametrize(
    "query, names",
    [
        ("", ["c0", "c1", "c2"]),
        ("q=c1", ["c1"]),
        ("q=111111111111", ["c1"]),
        ("state=exited", ["c2"]),
        ("q=nothing", []),
    ],
)
def test_the_fleet_can_be_searched(oscars_program: Client, query: str, names: list[str]) -> None:
    node = make_node()
    for number, state in enumerate(["running", "running", "exited"]):
        make_container(node, f"c{number}", podman_id=str(number) * 64, state=state)
    answer = oscars_program.get(f"/api/v1/containers?{query}").json()
    assert [row["name"] for row in answer["items"]] == names
    assert answer["total"] == len(names)


def test_lists_come_in_parts(oscars_program: Client, counter: Container) -> None:
    for number in range(4):
        make_container(counter.node, f"c{number}", podman_id=f"{number:064x}")
    answer = oscars_program.get("/api/v1/containers?limit=2&offset=1").json()
    assert [row["name"] for row in answer["items"]] == ["c1", "c2"]
    assert answer["total"] == 5
    assert oscars_program.get("/api/v1/containers?limit=0").status_code == 422
    assert oscars_program.get("/api/v1/containers?limit=2&offset=99").json()["items"] == []


def test_containers_of_one_node_only(oscars_program: Client, counter: Container) -> None:
    birch = Node.objects.get(name="birch")
    for node, total in [(str(birch.pk), 0), ("birch", 0), (str(counter.node_id), 1), ("alder", 1)]:
        found = oscars_program.get("/api/v1/containers", {"node": node}).json()
        assert found["total"] == total
