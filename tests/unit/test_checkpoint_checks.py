"""Before a checkpoint each check says what would go wrong, and what happens afterwards."""

from __future__ import annotations

from typing import Any

import pytest

from nodes.operations.checkpoint_plan import CheckpointPlan
from nodes.operations.checkpoint_preflight import CHECKS, Check, examine
from nodes.podman.containers import Mount
from nodes.podman.options import CheckpointOptions
from tests.unit.builders import COUNTER_ID, MIB, make_host, make_surroundings


def make_checkpoint(**options: Any) -> CheckpointPlan:
    return CheckpointPlan(
        operation_id=7, container_id=COUNTER_ID, options=CheckpointOptions.parse(options)
    )


def level_of(check: str, near: Any, **options: Any) -> str:
    return str(
        next(
            found.level
            for found in examine(near, make_checkpoint(**options))
            if found.check == check
        )
    )


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_running_container_on_a_ready_node_passes(check: Check) -> None:
    assert check(make_surroundings(), make_checkpoint()).level == "ok"


def test_a_stopped_container_has_no_memory_to_keep() -> None:
    assert level_of("container-runs", make_surroundings(container={"running": False})) == "error"


def test_what_systemd_would_start_again_may_be_checkpointed_only_while_it_runs_on() -> None:
    near = make_surroundings(container={"labels": {"PODMAN_SYSTEMD_UNIT": "web.service"}})
    assert level_of("restarts", near) == "error"
    assert level_of("restarts", near, leave_running=True) == "ok"


def test_one_that_podman_removes_afterwards_is_told_of() -> None:
    near = make_surroundings(container={"auto_remove": True})
    assert level_of("restarts", near) == "warning"
    assert level_of("restarts", near, leave_running=True) == "ok"


ANONYMOUS = Mount(type="volume", name="e3" * 32, source="", destination="/anon")
NAMED = Mount(type="volume", name="data", source="", destination="/data")


@pytest.mark.parametrize(
    "mounts, options, level",
    [
        ([ANONYMOUS], {}, "warning"),
        ([NAMED], {"ignore_volumes": True}, "warning"),
        ([ANONYMOUS], {"ignore_volumes": True}, "error"),
        ([ANONYMOUS, NAMED], {}, "error"),
        ([], {"ignore_rootfs": True}, "error"),
    ],
)
def test_what_podman_removes_must_be_in_the_archive_whole(
    mounts: list[Mount], options: dict[str, bool], level: str
) -> None:
    near = make_surroundings(container={"auto_remove": True, "mounts": mounts})
    assert level_of("restarts", near, **options) == level
    assert level_of("restarts", near, leave_running=True, **options) == "ok"


def test_open_connections_ask_for_their_option() -> None:
    near = make_surroundings(open_connections=2)
    assert level_of("connections", near) == "warning"
    assert level_of("connections", near, tcp_established=True) == "ok"


@pytest.mark.parametrize(
    "short",
    [
        {"source": make_host(staging_free_bytes=100 * MIB)},
        {"catalog_free_bytes": 100 * MIB},
    ],
    ids=["node", "catalog"],
)
def test_room_is_needed_on_the_node_and_in_the_catalog(short: dict[str, Any]) -> None:
    assert level_of("free-space", make_surroundings(**short)) == "error"


def test_the_way_back_has_the_options_of_the_checkpoint() -> None:
    way_back = make_checkpoint(tcp_established=True, file_locks=True).way_back
    assert (way_back.tcp_established, way_back.file_locks) == (True, True)
