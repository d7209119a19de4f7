"""An archive of the catalog is restored on any node: the same container again, or clones of it."""

from __future__ import annotations

import asyncio
import urllib.request
from collections.abc import Iterator

import pytest

from nodes.models import Archive, Container, OperationState
from nodes.operations.start import Refused
from tests.integration.site import (
    Site,
    all_containers,
    assert_same_program,
    in_phase,
    running,
    staging_is_gone,
    volumes,
)
from tests.lab import Host, full_check, read_counter, wait_until_it_counts

pytestmark = [pytest.mark.integration, pytest.mark.lab]


@pytest.fixture
async def archive(site: Site, counter: str) -> Archive:
    """Return an archive of the counter, which is stopped and gone from alder."""
    taken = await site.archive_of(await site.checkpoint("counter", "alder"))
    site.hosts["alder"].run(["podman", "rm", "counter"])
    site.hosts["alder"].run(["podman", "volume", "rm", "counter-data"])
    return taken


def page_of(host: Host, port: int) -> str:
    with urllib.request.urlopen(f"http://{host.address}:{port}/", timeout=5) as response:
        return str(response.read().decode())


def image_of(host: Host) -> str:
    return host.run(["podman", "images", "--quiet", "--no-trunc"]).stdout.split()[0]


@pytest.mark.parametrize("compress", ["zstd", "gzip", "none"])
async def test_a_stopped_container_goes_on_on_another_node_with_all_that_it_had(
    site: Site, alder: Host, birch: Host, counter: str, compress: str
) -> None:
    before = read_counter(alder)
    taken = await site.archive_of(await site.checkpoint("counter", "alder", compress=compress))

    operation = await site.restore(taken, "birch")

    assert operation.state == OperationState.SUCCEEDED, operation.error
    assert running(birch) == ["counter"]
    assert_same_program(before, full_check(birch))
    assert volumes(birch) == ["counter-data"]
    seen = birch.run(["podman", "exec", "counter", "cat", "/data/started", "/changed-at-start"])
    assert "hello" in seen.stdout
    assert "changed by counter" in seen.stdout
    assert '"errors": 0' in page_of(birch, 8081)
    assert staging_is_gone(birch)
    assert await Archive.objects.filter(pk=taken.pk).aexists()


async def test_one_archive_gives_two_clones_under_two_names_and_ports(
    site: Site, alder: Host, birch: Host, archive: Archive
) -> None:
    first = await site.restore(archive, "birch", name="one", publish=["8091:8080"])
    second = await site.restore(
        archive, "birch", name="two", publish=["8092:8080"], ignore_volumes=True
    )
    assert first.state == OperationState.SUCCEEDED, first.error
    assert second.state == OperationState.SUCCEEDED, second.error
    assert sorted(running(birch)) == ["one", "two"]
    assert full_check(birch, "one").nonce == full_check(birch, "two").nonce
    assert '"errors": 0' in page_of(birch, 8091)
    assert '"errors": 0' in page_of(birch, 8092)
    ids = {first.result["destination_container_id"], second.result["destination_container_id"]}
    assert len(ids) == 2
    assert archive.container_podman_id not in ids


async def test_it_comes_back_on_its_own_node_in_place_of_the_stopped_one(
    site: Site, alder: Host, counter: str
) -> None:
    before = read_counter(alder)
    taken = await site.archive_of(await site.checkpoint("counter", "alder"))
    refused = await site.restore(taken, "alder")
    assert refused.error["options"] == {"replace": True, "ignore_volumes": True}

    operation = await site.restore(taken, "alder", replace=True, ignore_volumes=True)

    assert operation.state == OperationState.SUCCEEDED, operation.error
    assert running(alder) == ["counter"]
    assert_same_program(before, full_check(alder))


async def test_a_running_container_is_never_replaced(site: Site, alder: Host, counter: str) -> None:
    before = read_counter(alder)
    taken = await site.archive_of(await site.checkpoint("counter", "alder", leave_running=True))
    operation = await site.restore(taken, "alder", replace=True, ignore_volumes=True)
    assert operation.state == OperationState.FAILED
    assert "A container on the node has the name counter" in operation.error["cause"]
    assert_same_program(before, full_check(alder))


async def test_the_image_is_copied_by_its_id_from_a_node_that_has_it(
    site: Site, alder: Host, birch: Host, archive: Archive
) -> None:
    wanted = image_of(alder)
    operation = await site.restore(archive, "birch")
    assert operation.state == OperationState.SUCCEEDED, operation.error
    assert image_of(birch) == wanted
    assert [phase["state"] for phase in operation.phases] == ["succeeded"] * 6


async def test_without_the_image_anywhere_nothing_is_begun(
    site: Site, alder: Host, birch: Host, archive: Archive
) -> None:
    alder.run(["podman", "rmi", "--all", "--force"])
    operation = await site.restore(archive, "birch")
    assert operation.state == OperationState.FAILED
    assert "No node that is online has the image" in operation.error["cause"]
    assert all_containers(birch) == []


@pytest.fixture
def pods(alder: Host, birch: Host) -> Iterator[None]:
    """Make a pod called greens on both hosts."""
    for host in (alder, birch):
        host.run(["podman", "pod", "create", "--name", "greens"])
    yield
    for host in (alder, birch):
        host.run(["podman", "pod", "rm", "--force", "--time", "0", "greens"])


async def test_what_was_in_a_pod_is_restored_into_a_pod(
    site: Site, alder: Host, birch: Host, pods: None
) -> None:
    alder.start_workload("counter", name="peas", memory_mib=4, options=["--pod", "greens"])
    wait_until_it_counts(alder, "peas")
    taken = await site.archive_of(await site.checkpoint("peas", "alder", leave_running=True))
    refused = await site.restore(taken, "birch")
    assert "can only be restored into one" in refused.error["cause"]
    operation = await site.restore(taken, "birch", pod="greens")
    assert operation.state == OperationState.SUCCEEDED, operation.error
    member = birch.run(["podman", "inspect", "--format", "{{.Pod}}", "peas"]).stdout
    assert member == birch.run(["podman", "pod", "inspect", "--format", "{{.ID}}", "greens"]).stdout
    assert full_check(birch, "peas").errors == 0


async def test_open_connections_come_along_under_the_same_name_and_no_other(
    site: Site, alder: Host, birch: Host
) -> None:
    alder.start_workload("tcp", name="tcp")
    taken = await site.archive_of(await site.checkpoint("tcp", "alder", tcp_established=True))
    refused = await site.restore(taken, "birch")
    assert refused.error["options"] == {"tcp_established": True}
    closed = await site.restore(taken, "birch", name="copy", tcp_close=True)
    assert "runc 1.3.6 on this node does not know --tcp-close" in closed.error["cause"]
    operation = await site.restore(taken, "birch", tcp_established=True)
    assert operation.state == OperationState.SUCCEEDED, operation.error
    assert running(birch) == ["tcp"]


def shells_of(host: Host, name: str) -> list[int]:
    """Return the container's own numbers of the shells; busybox's sleep ends with any restore."""
    listed = host.run(["podman", "top", name, "pid", "comm"]).stdout.splitlines()[1:]
    return sorted(int(line.split()[0]) for line in listed if line.split()[1] == "sh")


async def test_a_whole_process_tree_goes_on_with_its_own_numbers(
    site: Site, alder: Host, birch: Host
) -> None:
    alder.start_workload("tree", name="tree")
    await asyncio.sleep(1)
    before = shells_of(alder, "tree")
    taken = await site.archive_of(await site.checkpoint("tree", "alder"))
    operation = await site.restore(taken, "birch")
    assert operation.state == OperationState.SUCCEEDED, operation.error
    assert len(before) == 4
    assert shells_of(birch, "tree") == before


async def test_what_was_deleted_stays_deleted(site: Site, alder: Host, birch: Host) -> None:
    alder.start_workload("counter", name="tidy", memory_mib=4)
    alder.run(["podman", "exec", "tidy", "rmdir", "/tmp"])
    taken = await site.archive_of(await site.checkpoint("tidy", "alder"))
    operation = await site.restore(taken, "birch", name="clean")
    assert operation.state == OperationState.SUCCEEDED, operation.error
    birch.run(["podman", "exec", "clean", "test", "!", "-e", "/tmp"])


FIXED_IP, FIXED_MAC = "10.88.0.77", "92:d0:c6:0a:29:33"


def address_of(host: Host, name: str) -> tuple[str, str]:
    networks = "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{.MacAddress}}{{end}}"
    ip, mac = host.run(["podman", "inspect", "--format", networks, name]).stdout.split()
    return ip, mac


async def test_a_fixed_address_is_kept_where_it_is_free(
    site: Site, alder: Host, birch: Host
) -> None:
    fixed = ["--ip", FIXED_IP, "--mac-address", FIXED_MAC]
    alder.start_workload("counter", name="fixed", memory_mib=4, options=fixed)
    taken = await site.archive_of(await site.checkpoint("fixed", "alder"))
    operation = await site.restore(taken, "birch")
    assert operation.state == OperationState.SUCCEEDED, operation.error
    assert address_of(birch, "fixed") == (FIXED_IP, FIXED_MAC)


async def test_a_fixed_address_that_is_taken_needs_a_word_and_then_others_are_given(
    site: Site, alder: Host, birch: Host
) -> None:
    fixed = ["--ip", FIXED_IP, "--mac-address", FIXED_MAC]
    alder.start_workload("counter", name="fixed", memory_mib=4, options=fixed)
    birch.start_workload("sleep", name="neighbour", options=["--ip", FIXED_IP])
    taken = await site.archive_of(await site.checkpoint("fixed", "alder"))
    refused = await site.restore(taken, "birch")
    assert refused.error["options"] == {"ignore_static_ip": True}
    operation = await site.restore(taken, "birch", ignore_static_ip=True, ignore_static_mac=True)
    assert operation.state == OperationState.SUCCEEDED, operation.error
    ip, mac = address_of(birch, "fixed")
    assert ip != FIXED_IP
    assert mac != FIXED_MAC
    assert full_check(birch, "fixed").errors == 0


@pytest.mark.parametrize("keep", [True, False])
async def test_crius_own_files_stay_on_the_node_if_asked_for(
    site: Site, alder: Host, birch: Host, archive: Archive, keep: bool
) -> None:
    operation = await site.restore(archive, "birch", keep=keep)
    assert operation.state == OperationState.SUCCEEDED, operation.error
    folder = birch.run(["podman", "inspect", "--format", "{{.StaticDir}}", "counter"]).stdout
    left = birch.run(["test", "-e", f"{folder.strip()}/restore.log"], check=False)
    assert (left.returncode == 0) is keep


async def test_held_locks_come_along(site: Site, alder: Host, birch: Host) -> None:
    alder.start_workload("lock", name="lock")
    taken = await site.archive_of(await site.checkpoint("lock", "alder", file_locks=True))
    operation = await site.restore(taken, "birch", file_locks=True)
    assert operation.state == OperationState.SUCCEEDED, operation.error
    assert running(birch) == ["lock"]


async def test_what_is_kept_out_of_a_restore_is_not_there(
    site: Site, alder: Host, birch: Host, archive: Archive
) -> None:
    birch.run(["podman", "volume", "create", "counter-data"])
    operation = await site.restore(archive, "birch", ignore_volumes=True, ignore_rootfs=True)
    assert operation.state == OperationState.SUCCEEDED, operation.error
    changed = birch.run(["podman", "exec", "counter", "cat", "/changed-at-start"], check=False)
    assert changed.returncode != 0
    data = birch.run(["podman", "volume", "inspect", "--format", "{{.Mountpoint}}", "counter-data"])
    assert birch.run(["ls", data.stdout.strip()]).stdout == ""


@pytest.mark.parametrize("phase", ["preflight", "image", "transfer", "restore", "verify"])
async def test_cancelled_in_any_phase_it_leaves_nothing_on_the_node(
    site: Site, alder: Host, birch: Host, archive: Archive, phase: str
) -> None:
    operation = await site.queue_restore(archive, "birch")
    loop = asyncio.get_running_loop()
    operation = await site.run_while(
        operation, in_phase(phase), lambda task: loop.call_soon_threadsafe(task.cancel)
    )
    assert operation.state == OperationState.CANCELLED, operation.error
    assert "Nothing of it is left on birch" in operation.error["message"]
    assert all_containers(birch) == []
    assert volumes(birch) == []
    assert staging_is_gone(birch)
    again = await site.restore(archive, "birch")
    assert again.state == OperationState.SUCCEEDED, again.error


async def test_a_restore_that_fails_takes_back_only_what_it_made(
    site: Site, alder: Host, birch: Host, archive: Archive
) -> None:
    birch.start_workload("sleep", name="bystander")
    operation = await site.queue_restore(archive, "birch", publish=["8095:8080"])

    def take_the_port(task: asyncio.Task[None]) -> None:
        birch.start_workload("web", name="thief", port=8095)

    operation = await site.run_while(operation, in_phase("image"), take_the_port)
    assert operation.state == OperationState.FAILED, operation.result
    assert operation.error["rule"] == "port-in-use"
    assert sorted(running(birch)) == ["bystander", "thief"]
    assert "counter-data" not in volumes(birch)


async def test_two_restores_of_one_name_on_a_node_are_one_too_many(
    site: Site, alder: Host, birch: Host, archive: Archive
) -> None:
    await site.queue_restore(archive, "birch", name="one")
    with pytest.raises(Refused, match="already restores a container one on birch"):
        await site.queue_restore(archive, "birch", name="one")


async def test_a_restored_container_is_seen_in_the_fleet(
    site: Site, alder: Host, birch: Host, archive: Archive
) -> None:
    operation = await site.restore(archive, "birch", name="clone")
    seen = await site.container("clone", "birch")
    assert seen.podman_id == operation.result["destination_container_id"]
    assert operation.container_podman_id == seen.podman_id
    assert await Container.objects.filter(name="clone").acount() == 1
