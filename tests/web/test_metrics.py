"""Prometheus gets figures that are those of the rows, whichever process answers."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families
from pytest_django.fixtures import Settings

from nodes.health.figures import figures
from nodes.health.tallying import tally
from nodes.models import Node, Operation, OperationKind, OperationState, PhaseState
from nodes.operations.worker import say_alive
from tests.factories import make_archive, make_node, make_operation

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("archives_folder")]
TOKEN = "0123456789abcdef0123456789abcdef"
NOW = timezone.now()


def samples() -> dict[str, float]:
    return {
        " ".join([sample.name, *(sample.labels[name] for name in _in_order(sample.labels))]): (
            sample.value
        )
        for family in text_string_to_metric_families(figures().decode())
        for sample in family.samples
    }


def _in_order(labels: dict[str, str]) -> list[str]:
    return sorted(labels, key=lambda name: (name == "le", name))


@pytest.fixture
def alder() -> Node:
    return make_node()


@pytest.fixture
def birch() -> Node:
    return make_node("birch")


def ended(source: Node, destination: Node, number: int, **values: object) -> Operation:
    phase = {
        "name": "transfer",
        "state": PhaseState.SUCCEEDED,
        "started_at": NOW.isoformat(),
        "ended_at": (NOW + timedelta(seconds=2)).isoformat(),
        "bytes": 1000,
        "total": 1000,
    }
    defaults = {
        "state": OperationState.SUCCEEDED,
        "container_podman_id": f"{number:064x}",
        "started_at": NOW,
        "ended_at": NOW + timedelta(seconds=20),
        "phases": [phase],
        "result": {"downtime_s": 0.7},
    }
    return make_operation(source, destination, **{**defaults, **values})


def test_an_operation_that_ends_is_counted_once(alder: Node, birch: Node) -> None:
    ended(alder, birch, 1)
    assert (tally(), tally()) == (1, 0)
    ended(alder, birch, 2)
    tally()
    found = samples()
    assert found["ferry_operation_seconds_count migrate succeeded"] == 2
    assert found["ferry_operation_seconds_sum migrate succeeded"] == 40
    assert found["ferry_operation_seconds_bucket migrate succeeded 10.0"] == 0
    assert found["ferry_operation_seconds_bucket migrate succeeded 30.0"] == 2
    assert found["ferry_phase_seconds_sum migrate transfer"] == 4
    assert found["ferry_downtime_seconds_bucket migrate 0.5"] == 0
    assert found["ferry_downtime_seconds_bucket migrate 1.0"] == 2
    assert found["ferry_moved_bytes_total migrate transfer"] == 2000


def test_an_unknown_one_is_counted_when_it_has_ended(alder: Node, birch: Node) -> None:
    operation = ended(alder, birch, 1, state=OperationState.UNKNOWN)
    assert tally() == 0
    assert samples()["ferry_operations migrate unknown"] == 1
    operation.state = OperationState.FAILED
    operation.save()
    assert tally() == 1
    assert samples()["ferry_operation_seconds_count migrate failed"] == 1


def test_one_cancelled_in_the_queue_took_no_time(alder: Node, birch: Node) -> None:
    ended(alder, birch, 1, state=OperationState.CANCELLED, started_at=None, phases=[], result={})
    tally()
    assert samples()["ferry_operation_seconds_sum migrate cancelled"] == 0


def test_what_waits_and_what_runs_is_told(alder: Node, birch: Node) -> None:
    running = {
        "state": OperationState.RUNNING,
        "phase": "transfer",
        "container_podman_id": "1" * 64,
    }
    make_operation(alder, birch, **running)
    waiting = make_operation(alder, birch, container_podman_id="2" * 64)
    Operation.objects.filter(pk=waiting.pk).update(created_at=timezone.now() - timedelta(minutes=5))
    found = samples()
    assert found["ferry_operations migrate queued"] == 1
    assert found["ferry_operations_running migrate transfer"] == 1
    assert found["ferry_queue_length"] == 1
    assert 300 <= found["ferry_queue_oldest_wait_seconds"] < 310


def test_every_kind_and_state_has_a_figure_even_when_there_is_none() -> None:
    found = samples()
    for kind in OperationKind:
        assert found[f"ferry_operations {kind.value} running"] == 0
    assert found["ferry_nodes online"] == 0
    assert found["ferry_queue_oldest_wait_seconds"] == 0


def test_nodes_archives_and_workers_are_counted(alder: Node, archives_folder: Path) -> None:
    archives_folder.mkdir()
    make_archive(alder, size_bytes=500)
    make_archive(alder, size_bytes=700)
    say_alive()
    found = samples()
    assert found[f"ferry_nodes {alder.state}"] == 1
    assert (found["ferry_archives"], found["ferry_archives_bytes"]) == (2, 1200)
    assert found["ferry_workers_alive"] == 1
    assert found["ferry_catalog_free_bytes"] > 0


def test_the_token_opens_the_figures_and_nothing_else(client: Client, settings: Settings) -> None:
    settings.FERRY_METRICS_TOKEN = TOKEN
    headers = {"Authorization": f"Bearer {TOKEN}"}
    assert client.get("/metrics", headers=headers).status_code == 200
    assert client.get("/", headers=headers).status_code == 302
    assert client.get("/api/v1/nodes", headers=headers).status_code == 401


@pytest.mark.parametrize(
    "given", ["Bearer wrong", "Bearer ", "Bearer", TOKEN, f"Basic {TOKEN}", "é"]
)
def test_another_token_is_refused(client: Client, settings: Settings, given: str) -> None:
    settings.FERRY_METRICS_TOKEN = TOKEN
    response = client.get("/metrics", headers={"Authorization": given})
    assert (response.status_code, response["WWW-Authenticate"]) == (401, "Bearer")


def test_without_a_token_in_the_settings_none_is_taken(client: Client) -> None:
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 401
