"""A running container moves between two real hosts with all it holds."""

from __future__ import annotations

import hashlib
import urllib.request
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest
from django.conf import settings

from nodes.models import Archive, OperationState, PhaseState
from nodes.operations import unpack_ahead
from tests.integration.site import (
    Site,
    all_containers,
    assert_same_program,
    running,
    staging_is_gone,
    volumes,
)
from tests.lab import Host, full_check, read_counter, wait_until_it_counts

pytestmark = [pytest.mark.integration, pytest.mark.lab]


def answer(host: Host, port: int) -> str:
    with urllib.request.urlopen(f"http://{host.address}:{port}/", timeout=5) as response:
        return str(response.read().decode())


async def test_memory_port_volume_and_files_move_there_and_back(
    site: Site, alder: Host, birch: Host, counter: str
) -> None:
    started = alder.run(["podman", "exec", "counter", "cat", "/data/started"]).stdout
    before = read_counter(alder)

    there = await site.migrate("counter", "alder", "birch")

    assert there.state == OperationState.SUCCEEDED, there.error
    assert (running(alder), all_containers(alder)) == ([], [])
    assert running(birch) == ["counter"]
    moved = full_check(birch)
    assert_same_program(before, moved)
    assert before.nonce in answer(birch, 8081)
    assert '"errors": 0' in answer(birch, 8081).replace('":0', '": 0')
    assert birch.run(["podman", "exec", "counter", "cat", "/data/started"]).stdout == started
    assert birch.run(["podman", "exec", "counter", "ls", "/changed-at-start"]).stdout
    assert volumes(alder) == []

    back = await site.migrate("counter", "birch", "alder")

    assert back.state == OperationState.SUCCEEDED, back.error
    returned = full_check(alder)
    assert_same_program(moved, returned)
    assert running(birch) == []
    assert staging_is_gone(alder)
    assert staging_is_gone(birch)


async def test_the_image_is_copied_by_id(
    site: Site, alder: Host, birch: Host, counter: str
) -> None:
    wanted = alder.run(["podman", "container", "inspect", "-f", "{{.Image}}", "counter"]).stdout
    operation = await site.migrate("counter", "alder", "birch")
    found = birch.run(["podman", "container", "inspect", "-f", "{{.Image}}", "counter"]).stdout
    assert found == wanted
    assert next(p for p in operation.phases if p["name"] == "image")["bytes"] > 0


async def test_an_image_of_the_same_name_on_the_destination_keeps_its_name(
    site: Site, alder: Host, birch: Host, counter: str
) -> None:
    birch.load_image("busybox")
    birch.run(["podman", "tag", "localhost/ferry-busybox", "localhost/ferry-counter"])
    inspect = ["podman", "image", "inspect", "--format", "{{.Id}}", "localhost/ferry-counter"]
    before = birch.run(inspect).stdout

    operation = await site.migrate("counter", "alder", "birch")

    assert operation.state == OperationState.SUCCEEDED, operation.error
    assert birch.run(inspect).stdout == before


async def test_the_archive_in_the_catalog_is_the_one_that_was_restored(
    site: Site, alder: Host, birch: Host, counter: str
) -> None:
    operation = await site.migrate("counter", "alder", "birch")
    archive = await Archive.objects.aget(pk=operation.result["archive_id"])
    file = Path(settings.FERRY_ARCHIVES_DIR) / archive.key
    assert hashlib.sha256(file.read_bytes()).hexdigest() == archive.sha256
    assert file.stat().st_size == archive.size_bytes
    assert file.stat().st_mode & 0o777 == 0o600
    assert archive.compression == "zstd"
    assert archive.versions["criu_version"]
    assert archive.container_name == "counter"


async def test_every_compression_moves_and_is_told_by_its_bytes(
    site: Site, alder: Host, birch: Host, counter: str
) -> None:
    before = read_counter(alder)
    places = ["alder", "birch", "alder"]
    for compress, source, destination in zip(["none", "gzip"], places, places[1:], strict=False):
        operation = await site.migrate("counter", source, destination, compress=compress)
        assert operation.state == OperationState.SUCCEEDED, operation.error
        archive = await Archive.objects.aget(pk=operation.result["archive_id"])
        assert archive.compression == compress
    assert_same_program(before, full_check(alder))


async def test_every_phase_and_both_times_are_reported(
    site: Site, alder: Host, birch: Host, counter: str
) -> None:
    operation = await site.migrate("counter", "alder", "birch")
    assert {phase["state"] for phase in operation.phases} == {PhaseState.SUCCEEDED}
    assert operation.result["downtime_s"] > operation.result["frozen_s"] > 0
    transfer = next(phase for phase in operation.phases if phase["name"] == "transfer")
    assert transfer["bytes"] == transfer["total"] == operation.result["bytes"]


async def test_keep_source_leaves_the_stopped_container_and_its_volume(
    site: Site, alder: Host, birch: Host, counter: str
) -> None:
    operation = await site.migrate("counter", "alder", "birch", keep_source=True)
    assert operation.state == OperationState.SUCCEEDED, operation.error
    assert running(alder) == []
    assert all_containers(alder) == ["counter"]
    assert volumes(alder) == ["counter-data"]


async def test_a_user_with_sudo_can_do_all_of_it(
    site: Site, alder: Host, birch: Host, counter: str
) -> None:
    from nodes.inventory.site_key import load_site_key
    from nodes.models import Node

    before = read_counter(alder)
    for host in (alder, birch):
        from asgiref.sync import sync_to_async

        key = (await sync_to_async(load_site_key)()).public_key
        host.authorize(key, user="ferry")
        await Node.objects.filter(name=host.name).aupdate(user="ferry", sudo=True)
    operation = await site.migrate("counter", "alder", "birch")
    assert operation.state == OperationState.SUCCEEDED, operation.error
    assert_same_program(before, full_check(birch))


async def test_a_process_tree_comes_back_whole(site: Site, alder: Host, birch: Host) -> None:
    alder.start_workload("tree", name="tree")
    top = ["podman", "top", "tree", "pid", "ppid", "comm"]
    before = alder.run(top).stdout.split()
    operation = await site.migrate("tree", "alder", "birch")
    assert operation.state == OperationState.SUCCEEDED, operation.error
    lasting = {word for word in before if word in ("sh", "1")}
    assert lasting <= set(birch.run(top).stdout.split())


async def test_an_archive_that_cannot_be_unpacked_ahead_is_restored_whole(
    site: Site, alder: Host, birch: Host, counter: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = read_counter(alder)
    # Pages that lie where Podman does not look for them: CRIU fails, and no rule knows why.
    elsewhere = PurePosixPath("/var/lib/containers/storage/overlay-containers") / ("0" * 64)
    plan = unpack_ahead.plan_unpack_ahead
    monkeypatch.setattr(
        "nodes.operations.migrate.plan_unpack_ahead",
        lambda host, wanted: replace(plan(host, wanted), place=elsewhere / "userdata"),
    )

    operation = await site.migrate("counter", "alder", "birch")

    assert operation.state == OperationState.SUCCEEDED, operation.error
    assert any("whole archive" in message for message in await site.messages(operation))
    assert_same_program(before, full_check(birch))
    assert birch.run(["test", "-e", str(elsewhere)], check=False).returncode != 0


async def test_a_destination_without_zstd_gets_the_whole_archive(
    site: Site, alder: Host, birch: Host, counter: str
) -> None:
    before = read_counter(alder)
    birch.run(["mv", "/usr/bin/zstd", "/usr/bin/zstd-away"])
    try:
        operation = await site.migrate("counter", "alder", "birch")
    finally:
        birch.run(["mv", "/usr/bin/zstd-away", "/usr/bin/zstd"])
    assert operation.state == OperationState.SUCCEEDED, operation.error
    assert_same_program(before, full_check(birch))


async def test_a_container_whose_address_is_taken_gets_a_new_one(
    site: Site, alder: Host, birch: Host, counter: str
) -> None:
    template = "{{.NetworkSettings.Networks.podman.IPAddress}}"
    address = ["podman", "container", "inspect", "-f", template]
    before = read_counter(alder)
    taken = alder.run([*address, "counter"]).stdout.strip()
    birch.start_workload("sleep", name="neighbour", options=["--ip", taken])

    operation = await site.migrate("counter", "alder", "birch")

    assert operation.state == OperationState.SUCCEEDED, operation.error
    assert birch.run([*address, "counter"]).stdout.strip() != taken
    assert '"errors"' in answer(birch, 8081)
    assert_same_program(before, full_check(birch))


async def test_a_fixed_address_that_is_taken_is_refused_before_anything_changes(
    site: Site, alder: Host, birch: Host
) -> None:
    for host, name in ((alder, "fixed"), (birch, "neighbour")):
        host.start_workload("counter", name=name, memory_mib=8, options=["--ip", "10.88.0.77"])
    before = wait_until_it_counts(alder, "fixed")
    operation = await site.migrate("fixed", "alder", "birch")
    assert operation.error["code"] == "preflight_failed"
    assert "--ignore-static-ip" in operation.error["remedy"]
    assert running(alder) == ["fixed"]
    again = await site.migrate("fixed", "alder", "birch", ignore_static_ip=True)
    assert again.state == OperationState.SUCCEEDED, again.error
    assert_same_program(before, full_check(birch, "fixed"))


async def test_a_container_in_the_hosts_network_moves(site: Site, alder: Host, birch: Host) -> None:
    alder.start_workload("counter", memory_mib=8, options=["--network", "host"])
    before = wait_until_it_counts(alder)
    operation = await site.migrate("counter", "alder", "birch")
    assert operation.state == OperationState.SUCCEEDED, operation.error
    assert_same_program(before, full_check(birch))
