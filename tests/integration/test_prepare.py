"""A preparation makes a host ready and changes nothing else; its undoing puts everything back."""

from __future__ import annotations

import pytest

from nodes.models import Node, NodeState, Operation, OperationState
from nodes.operations.prepare import PrepareRefused
from nodes.operations.runner import run_operation
from nodes.operations.start import NodeInUse
from nodes.operations.start_node import plan_for, start_prepare, start_selftest
from tests.integration.prepared import (
    CONFIGURATION,
    packages_are_whole,
    podman_uses,
    read,
    write,
)
from tests.integration.site import (
    Site,
    assert_same_program,
    in_phase,
    running,
    staging_is_gone,
)
from tests.lab import Host, full_check, read_counter

pytestmark = [pytest.mark.integration, pytest.mark.lab]
DROP_IN = "/etc/containers/containers.conf.d/90-hilda.conf"
HAND_WRITTEN = """\
# Kept by Hilda. Ask before you touch it!

[containers]
  pids_limit   =   0\t# there is no pids controller here
log_driver="k8s-file"
env = [
    "TERM=xterm",   # for the old console
]

[engine]   # the engine room
    cgroup_manager="systemd"     # from the wiki
  runtime\t=\t"crun" # "runc" was slower
#runtime = "kata"
events_logger = "file"

[engine.runtimes]
kata = ["/opt/kata/bin/kata-runtime"]

[network]
default_subnet = '10.88.0.0/16'"""
FIXED = HAND_WRITTEN.replace('"systemd"', '"cgroupfs"').replace('"crun"', '"runc"')


@pytest.fixture
def hand_written(alder: Host) -> Host:
    write(alder, CONFIGURATION, HAND_WRITTEN)
    alder.run(["chmod", "0640", CONFIGURATION])
    alder.run(["chown", "root:plain", CONFIGURATION])
    return alder


def owner_and_mode(host: Host, path: str) -> str:
    return host.run(["stat", "--format", "%U:%G %a", path]).stdout.strip()


def backups(host: Host, path: str = CONFIGURATION) -> list[str]:
    folder, _, name = path.rpartition("/")
    return sorted(f"{folder}/{each.name}" for each in host.path(folder).glob(f"{name}.ferry-*"))


async def test_a_bare_host_is_prepared_to_all_green_tested_and_undone_but_for_its_packages(
    site: Site, fir: Host
) -> None:
    await site.look("fir")

    operation = await site.prepare("fir")

    assert operation.state == OperationState.SUCCEEDED, operation.error
    assert operation.result["readiness"] == "ok"
    assert {"podman", "criu", "runc"} <= set(operation.result["packages"])
    assert packages_are_whole(fir)
    assert podman_uses(fir) == ("runc", "cgroupfs")
    assert "Looks good." in fir.run(["criu", "check"]).stdout
    fir.start_workload("web", name="web")
    assert running(fir) == ["web"]
    assert staging_is_gone(fir)
    node = await site.look("fir")
    assert (node.state, node.readiness) == (NodeState.ONLINE, "ok"), node.findings

    tested = await site.selftest("fir")

    assert tested.state == OperationState.SUCCEEDED, tested.error

    undone = await site.undo("fir")

    assert undone.state == OperationState.SUCCEEDED, undone.error
    assert not fir.path(CONFIGURATION).exists()
    assert packages_are_whole(fir)
    assert running(fir) == ["web"]


async def test_one_preparation_changes_two_values_of_a_hand_written_file_and_nothing_else(
    site: Site, hand_written: Host
) -> None:
    operation = await site.prepare("alder")

    assert operation.state == OperationState.SUCCEEDED, operation.error
    assert operation.result["packages"] == []
    assert read(hand_written, CONFIGURATION) == FIXED
    assert owner_and_mode(hand_written, CONFIGURATION) == "root:plain 640"
    [backup] = backups(hand_written)
    assert read(hand_written, backup) == HAND_WRITTEN
    assert owner_and_mode(hand_written, backup) == "root:plain 640"
    assert [edit["backup"] for edit in operation.result["edits"]] == [backup]
    assert podman_uses(hand_written) == ("runc", "cgroupfs")
    node = await Node.objects.aget(name="alder")
    assert node.readiness == "ok", node.findings


async def test_preparing_twice_changes_nothing_the_second_time(
    site: Site, hand_written: Host
) -> None:
    await site.prepare("alder")
    again = await site.prepare("alder")
    assert again.state == OperationState.SUCCEEDED, again.error
    assert again.result["edits"] == []
    assert read(hand_written, CONFIGURATION) == FIXED
    assert len(backups(hand_written)) == 1


async def test_undoing_puts_the_file_back_to_the_letter(site: Site, hand_written: Host) -> None:
    await site.prepare("alder")

    undone = await site.undo("alder")

    assert undone.state == OperationState.SUCCEEDED, undone.error
    assert read(hand_written, CONFIGURATION) == HAND_WRITTEN
    assert owner_and_mode(hand_written, CONFIGURATION) == "root:plain 640"
    assert podman_uses(hand_written) == ("crun", "systemd")
    node = await Node.objects.aget(name="alder")
    assert node.readiness == "error", node.findings


async def test_undoing_keeps_what_somebody_else_has_changed_since(
    site: Site, hand_written: Host
) -> None:
    await site.prepare("alder")
    by_hilda = (
        read(hand_written, CONFIGURATION)
        .replace('log_driver="k8s-file"', 'log_driver="none"  # Hilda, on a Tuesday')
        .replace("[network]", "# A new remark.\n[network]")
    )
    write(hand_written, CONFIGURATION, by_hilda)

    undone = await site.undo("alder")

    assert undone.state == OperationState.SUCCEEDED, undone.error
    put_back = by_hilda.replace('"cgroupfs"', '"systemd"').replace('\t=\t"runc" #', '\t=\t"crun" #')
    assert read(hand_written, CONFIGURATION) == put_back


async def test_the_drop_in_that_overrides_is_the_file_that_is_edited(
    site: Site, alder: Host
) -> None:
    before = read(alder, CONFIGURATION)
    write(alder, DROP_IN, '[engine]\n# Only for a try.\nruntime = "crun"\n')
    assert podman_uses(alder) == ("crun", "cgroupfs")

    operation = await site.prepare("alder")

    assert operation.state == OperationState.SUCCEEDED, operation.error
    assert read(alder, DROP_IN) == '[engine]\n# Only for a try.\nruntime = "runc"\n'
    assert read(alder, CONFIGURATION) == before
    assert podman_uses(alder) == ("runc", "cgroupfs")
    # Podman must not read the copy: it would override as the file did.
    assert len(backups(alder, DROP_IN)) == 1

    await site.undo("alder")
    assert podman_uses(alder) == ("crun", "cgroupfs")


async def test_a_running_container_goes_on_through_preparation_and_undoing(
    site: Site, alder: Host, counter: str
) -> None:
    before = read_counter(alder)
    process = alder.run(["pgrep", "-x", "counter"]).stdout
    write(alder, CONFIGURATION, HAND_WRITTEN)

    for ended in (await site.prepare("alder"), await site.undo("alder")):
        assert ended.state == OperationState.SUCCEEDED, ended.error
        assert alder.run(["pgrep", "-x", "counter"]).stdout == process
    write(alder, CONFIGURATION, FIXED)
    assert_same_program(before, full_check(alder))
    assert running(alder) == ["counter"]


async def test_a_file_changed_since_the_plan_was_shown_is_left_alone(
    site: Site, hand_written: Host
) -> None:
    node = await Node.objects.aget(name="alder")
    _, plan = await plan_for(node)
    changed = HAND_WRITTEN.replace("# from the wiki", "# leave it as it is: Hilda")
    write(hand_written, CONFIGURATION, changed)

    refused = await site.prepare("alder", digest=plan.digest)

    assert refused.state == OperationState.FAILED
    assert refused.error["code"] == "prepare_refused"
    assert "Nothing was changed" in refused.error["message"]
    assert read(hand_written, CONFIGURATION) == changed
    assert backups(hand_written) == []

    _, plan = await plan_for(node)
    again = await site.prepare("alder", digest=plan.digest)
    assert again.state == OperationState.SUCCEEDED, again.error
    assert podman_uses(hand_written) == ("runc", "cgroupfs")


async def test_a_node_is_not_prepared_while_a_container_moves_to_or_from_it(
    site: Site, alder: Host, birch: Host, counter: str
) -> None:
    before = read_counter(alder)
    moving = await site.queue("counter", "alder", "birch")

    def prepare_both(_: object) -> None:
        for node in Node.objects.all():
            with pytest.raises(NodeInUse, match=f"operation {moving.pk}"):
                start_prepare(None, node)

    moved = await site.run_while(moving, in_phase("checkpoint"), prepare_both)

    assert moved.state == OperationState.SUCCEEDED, moved.error
    assert_same_program(before, full_check(birch))
    assert await Operation.objects.acount() == 1
    prepared = await site.prepare("birch")
    assert prepared.state == OperationState.SUCCEEDED, prepared.error


@pytest.mark.parametrize("prepared", ["alder", "birch"])
async def test_a_container_does_not_move_while_one_of_its_nodes_is_prepared(
    site: Site, alder: Host, birch: Host, counter: str, prepared: str
) -> None:
    before = read_counter(alder)
    preparing = await site.queue_on(start_prepare, prepared)

    with pytest.raises(NodeInUse, match=prepared):
        await site.queue("counter", "alder", "birch")
    with pytest.raises(NodeInUse, match=prepared):
        await site.queue_on(start_selftest, prepared)

    assert running(alder) == ["counter"]
    await run_operation(preparing.pk)
    moved = await site.migrate("counter", "alder", "birch")
    assert moved.state == OperationState.SUCCEEDED, moved.error
    assert_same_program(before, full_check(birch))


async def test_a_configuration_that_cannot_be_read_is_refused_with_its_line_and_left_alone(
    site: Site, alder: Host
) -> None:
    broken = HAND_WRITTEN.replace("[network]", "[network")
    write(alder, CONFIGURATION, broken)
    line = broken.splitlines().index("[network") + 1

    with pytest.raises(PrepareRefused) as planned:
        await plan_for(await Node.objects.aget(name="alder"))
    refused = await site.prepare("alder")

    assert f"line {line}" in planned.value.problem.cause
    assert refused.state == OperationState.FAILED
    assert refused.error["code"] == "prepare_refused"
    assert f"line {line}" in refused.error["cause"]
    assert read(alder, CONFIGURATION) == broken
    assert backups(alder) == []
