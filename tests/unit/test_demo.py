"""The demo keeps away from a real site, and from containers that are on their way."""

from __future__ import annotations

from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from nodes.models import Container, Node, OperationState
from tests.demo import claim, start_if_stopped
from tests.factories import make_operation


class Host:
    def __init__(self, state: str) -> None:
        self.state = state
        self.started: list[str] = []

    def run(self, argv: list[str]) -> CompletedProcess[str]:
        if argv[:2] == ["podman", "start"]:
            self.started.append(argv[2])
        return CompletedProcess(argv, 0, stdout=f"{self.state}\n")


def test_a_real_sites_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "ferry.sqlite3").touch()
    with pytest.raises(SystemExit, match="FERRY_DATA_DIR"):
        claim(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["ferry.sqlite3"]


def test_the_demos_own_folder_is_found_again(tmp_path: Path) -> None:
    claim(tmp_path)
    (tmp_path / "ferry.sqlite3").touch()
    claim(tmp_path)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "state, started", [("exited", ["counter"]), ("running", []), ("paused", [])]
)
def test_only_a_stopped_container_is_started(state: str, started: list[str]) -> None:
    host: Any = Host(state)
    start_if_stopped(host, "counter")
    assert host.started == started


@pytest.mark.parametrize("state", [OperationState.RUNNING, OperationState.UNKNOWN])
def test_a_container_of_an_unfinished_operation_is_not_started(
    counter: Container, state: OperationState
) -> None:
    make_operation(counter.node, Node.objects.get(name="birch"), state=state)
    host: Any = Host("exited")
    start_if_stopped(host, "counter")
    assert host.started == []
