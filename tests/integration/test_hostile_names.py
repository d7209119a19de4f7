"""A hostile name is an argument, never a command: what would prove otherwise does not appear."""

from __future__ import annotations

import pytest

from nodes.inventory.connect import open_session
from nodes.models import Container, Node, OperationState
from nodes.operations.runner import run_operation
from nodes.ssh.errors import CommandFailed
from tests.integration.site import Site, assert_same_program, running
from tests.lab import Host, full_check, wait_until_it_counts

pytestmark = [pytest.mark.integration, pytest.mark.lab]

HOSTILE = [
    "x; touch /tmp/owned",
    "$(touch /tmp/owned)",
    "`touch /tmp/owned`",
    "x\ntouch /tmp/owned\n",
    "x' ; touch /tmp/owned ; '",
    '"; touch /tmp/owned; "',
    "| touch /tmp/owned",
    "--help; touch /tmp/owned",
]


def nothing_was_executed(*hosts: Host) -> bool:
    return all(
        host.run(["test", "-e", "/tmp/owned"], check=False).returncode != 0 for host in hosts
    )


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_argument_reaches_the_command_as_it_is(
    site: Site, alder: Host, name: str
) -> None:
    node = await Node.objects.aget(name="alder")
    async with open_session(node) as session:
        done = await session.run(["printf", "%s", name])
        with pytest.raises(CommandFailed):
            await session.run(["podman", "container", "inspect", "--", name])
    assert done.stdout == name
    assert nothing_was_executed(alder)


@pytest.mark.parametrize("name", HOSTILE[:3])
async def test_a_hostile_container_reference_fails_the_operation_and_runs_nothing(
    site: Site, alder: Host, birch: Host, counter: str, name: str
) -> None:
    operation = await site.queue("counter", "alder", "birch")
    operation.container_podman_id = name
    await operation.asave()
    await run_operation(operation.pk)
    await operation.arefresh_from_db()
    assert operation.state == OperationState.FAILED
    assert nothing_was_executed(alder, birch)
    assert running(alder) == ["counter"]


async def test_a_container_full_of_hostile_paths_labels_and_variables_moves_unharmed(
    site: Site, alder: Host, birch: Host
) -> None:
    folder = "/srv/x; touch $(touch /tmp/owned)"
    for host in (alder, birch):
        host.run(["mkdir", "-p", folder])
    alder.start_workload(
        "counter",
        memory_mib=8,
        options=[
            "--mount", f"type=bind,source={folder},target=/srv",
            "--label", "x=; touch /tmp/owned",
            "--env", "X=$(touch /tmp/owned)",
        ],
    )  # fmt: skip
    before = wait_until_it_counts(alder)
    operation = await site.migrate("counter", "alder", "birch")
    assert operation.state == OperationState.SUCCEEDED, operation.error
    assert_same_program(before, full_check(birch))
    assert nothing_was_executed(alder, birch)
    row = await site.container("counter", "birch")
    assert row.labels["x"] == "; touch /tmp/owned"
    assert await Container.objects.filter(name="counter").acount() >= 1
