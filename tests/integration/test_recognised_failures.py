"""Real failures on the way: each is recognised, leaves the container in its place, and its
remedy is enough for the next try."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from asgiref.sync import sync_to_async

from nodes.inventory.site_key import load_site_key
from nodes.models import Node, Operation, OperationState
from nodes.operations.runner import run_operation
from tests.integration.recognised import STORE, assert_recognised
from tests.integration.site import (
    Site,
    all_containers,
    assert_rolled_back,
    assert_same_program,
    in_phase,
    running,
    staging_is_gone,
    volumes,
)
from tests.lab import CounterReading, Host, full_check, read_counter

pytestmark = [pytest.mark.integration, pytest.mark.lab]
SMALL_DISK_BYTES = 16 * 1024 * 1024


async def meddle_in_checkpoint(site: Site, meddle: Callable[[], object]) -> Operation:
    """Migrate the counter and change something on a host while it is being dumped."""
    operation = await site.queue("counter", "alder", "birch")
    return await site.run_while(operation, in_phase("checkpoint"), lambda _: meddle())


async def assert_moves_now(site: Site, before: CounterReading, **options: object) -> None:
    alder, birch = site.hosts["alder"], site.hosts["birch"]
    again = await site.migrate("counter", "alder", "birch", **options)
    assert again.state == OperationState.SUCCEEDED, again.error
    assert (running(alder), running(birch)) == ([], ["counter"])
    assert_same_program(before, full_check(birch))


def assert_runs_on_alder(site: Site, before: CounterReading) -> None:
    assert running(site.hosts["alder"]) == ["counter"]
    assert_same_program(before, full_check(site.hosts["alder"]))
    for host in site.hosts.values():
        assert staging_is_gone(host)


async def test_an_image_that_is_another_one_by_now_is_copied_by_id_at_the_next_try(
    site: Site, alder: Host, birch: Host, counter: str
) -> None:
    before = read_counter(alder)
    ours = birch.load_image("counter")
    birch.load_image("busybox")

    def swap_image() -> None:
        birch.run(["podman", "rmi", "--force", ours])
        birch.run(["podman", "tag", "localhost/ferry-busybox", "localhost/ferry-counter:latest"])

    failed = await meddle_in_checkpoint(site, swap_image)

    assert_recognised(failed, "image-unknown")
    assert failed.error["code"] == "restore_failed"
    await assert_rolled_back(site, failed, before=before)
    asked = ["podman", "image", "inspect", "--format", "{{.Id}}"]
    theirs = birch.run([*asked, "localhost/ferry-counter"]).stdout
    assert ours not in theirs
    await assert_moves_now(site, before)
    used = birch.run(["podman", "container", "inspect", "-f", "{{.Image}}", "counter"]).stdout
    assert used.strip() == ours
    assert birch.run([*asked, "localhost/ferry-counter"]).stdout == theirs


async def test_a_name_taken_meanwhile_is_recognised_and_its_owner_left_alone(
    site: Site, alder: Host, birch: Host, counter: str
) -> None:
    birch.load_image("busybox")
    before = read_counter(alder)

    failed = await meddle_in_checkpoint(
        site,
        lambda: birch.run(["podman", "create", "--name", "counter", "localhost/ferry-busybox"]),
    )

    assert_recognised(failed, "name-in-use")
    assert failed.error["code"] == "restore_failed"
    assert_runs_on_alder(site, before)
    assert all_containers(birch) == ["counter"]
    assert volumes(birch) == []
    birch.run(["podman", "rm", "counter"])
    await assert_moves_now(site, before)


async def test_a_volume_made_meanwhile_is_kept_and_used_at_the_next_try(
    site: Site, alder: Host, birch: Host, counter: str
) -> None:
    before = read_counter(alder)

    def make_volume() -> None:
        birch.run(["podman", "volume", "create", "counter-data"])
        mount = birch.run(["podman", "volume", "mount", "counter-data"]).stdout.strip()
        birch.shell('echo theirs > "$1/theirs"', mount)

    failed = await meddle_in_checkpoint(site, make_volume)

    assert failed.state == OperationState.FAILED
    assert failed.error["rule"] == "volume-in-use", failed.error
    assert failed.error["options"] == {"ignore_volumes": True}
    assert "counter-data" in failed.error["cause"]
    assert_runs_on_alder(site, before)
    assert (all_containers(birch), volumes(birch)) == ([], ["counter-data"])
    await assert_moves_now(site, before, **failed.error["options"])
    assert birch.run(["podman", "exec", "counter", "cat", "/data/theirs"]).stdout == "theirs\n"


async def test_a_port_taken_meanwhile_is_recognised(
    site: Site, alder: Host, birch: Host, counter: str
) -> None:
    birch.load_image("busybox")
    before = read_counter(alder)
    thief = [
        "podman", "run", "--detach", "--rm", "--network", "host", "--name", "thief",
        "localhost/ferry-busybox", "nc", "-l", "-p", "8081",
    ]  # fmt: skip

    failed = await meddle_in_checkpoint(site, lambda: birch.run(thief))
    birch.run(["podman", "rm", "--force", "--time", "0", "thief"])

    assert_recognised(failed, "port-in-use")
    assert failed.error["code"] == "restore_failed"
    assert "stayed on alder and runs" in failed.error["message"]
    await assert_rolled_back(site, failed, before=before)
    await assert_moves_now(site, before)


@contextmanager
def small_disk(host: Host, folder: str) -> Iterator[Callable[[], None]]:
    """Give a function that puts a small disk over a folder, for as long as the block lasts."""
    mounted = []

    def mount() -> None:
        host.limit_disk(folder, SMALL_DISK_BYTES)
        mounted.append(folder)

    try:
        yield mount
    finally:
        for each in mounted:
            host.unlimit_disk(each)


@pytest.mark.parametrize("unpack_ahead", [True, False])
async def test_a_full_disk_on_the_destination_is_recognised(
    site: Site,
    alder: Host,
    birch: Host,
    counter: str,
    monkeypatch: pytest.MonkeyPatch,
    unpack_ahead: bool,
) -> None:
    folder = STORE
    if not unpack_ahead:
        folder = "/var/lib/ferry"
        monkeypatch.setattr("nodes.operations.migrate.plan_unpack_ahead", lambda host, plan: None)
    before = read_counter(alder)
    operation = await site.queue("counter", "alder", "birch")

    with small_disk(birch, folder) as fill:
        failed = await site.run_while(operation, in_phase("preflight"), lambda _: fill())

    birch.shell("rmdir /var/lib/ferry 2>/dev/null || true")
    assert_recognised(failed, "no-space")
    assert_runs_on_alder(site, before)
    assert all_containers(birch) == []
    await assert_moves_now(site, before)


async def test_a_full_disk_on_the_source_is_recognised(
    site: Site, alder: Host, birch: Host, counter: str
) -> None:
    before = read_counter(alder)
    operation = await site.queue("counter", "alder", "birch")

    with small_disk(alder, "/var/lib/ferry") as fill:
        failed = await site.run_while(operation, in_phase("preflight"), lambda _: fill())

    alder.shell("rmdir /var/lib/ferry 2>/dev/null || true")
    assert failed.state == OperationState.FAILED, failed.error
    assert failed.error["code"] == "checkpoint_failed"
    # Without a line: what Podman complained about found no room on that disk either.
    assert failed.error["rule"] == "no-space", failed.error
    assert_runs_on_alder(site, before)
    assert (all_containers(birch), volumes(birch)) == ([], [])
    await assert_moves_now(site, before)


async def test_a_dump_that_finds_no_room_leaves_the_program_as_it_was(
    site: Site, alder: Host, birch: Host, counter: str
) -> None:
    before = read_counter(alder)
    asked = ["podman", "container", "inspect", "--format", "{{.StaticDir}}", "counter"]
    images = f"{alder.run(asked).stdout.strip()}/checkpoint"
    operation = await site.queue("counter", "alder", "birch")

    with small_disk(alder, images) as fill:

        def fill_late(_: object) -> None:
            fill()
            # CRIU writes it last, so that a disk that is full by then leaves it there.
            alder.run(["touch", "--date", "1 minute", f"{images}/inventory.img"])

        failed = await site.run_while(operation, in_phase("preflight"), fill_late)

    assert failed.state == OperationState.FAILED, failed.error
    assert failed.error["code"] == "checkpoint_failed", failed.error
    assert_runs_on_alder(site, before)
    assert (all_containers(birch), volumes(birch)) == ([], [])
    assert staging_is_gone(birch)
    await assert_moves_now(site, before)


@contextmanager
def away(host: Host, path: str) -> Iterator[Callable[[], None]]:
    """Give a function that takes a program away, until the block is left."""

    def take() -> None:
        host.run(["mv", path, f"{path}-away"])

    try:
        yield take
    finally:
        host.shell('[ ! -e "$1-away" ] || mv "$1-away" "$1"', path)


async def test_criu_gone_from_the_destination_meanwhile_is_recognised(
    site: Site, alder: Host, birch: Host, counter: str
) -> None:
    before = read_counter(alder)

    with away(birch, "/usr/sbin/criu") as take:
        failed = await meddle_in_checkpoint(site, take)

    assert_recognised(failed, "criu-missing")
    assert failed.error["code"] == "restore_failed"
    assert (failed.error["action"], failed.error["node"]) == ("prepare", "birch")
    await assert_rolled_back(site, failed, before=before)
    await assert_moves_now(site, before)


async def test_a_runtime_gone_from_the_destination_meanwhile_is_recognised(
    site: Site, alder: Host, birch: Host, counter: str
) -> None:
    before = read_counter(alder)

    with away(birch, "/usr/sbin/runc") as take:
        failed = await meddle_in_checkpoint(site, take)

    assert failed.state == OperationState.FAILED, failed.error
    assert 'runtime "runc" not found' in f"{failed.error['line']} {failed.error['cause']}"
    assert running(alder) == ["counter"]
    assert_same_program(before, full_check(alder))
    assert all_containers(birch) == []
    assert failed.error["rule"], failed.error
    assert failed.error["remedy"]
    await assert_moves_now(site, before)


async def test_sudo_that_asks_for_a_password_is_recognised_and_a_sudoers_line_mends_it(
    site: Site, alder: Host, birch: Host, counter: str
) -> None:
    before = read_counter(alder)
    alder.authorize((await sync_to_async(load_site_key)()).public_key, user="plain")
    operation = await site.queue("counter", "alder", "birch")
    await Node.objects.filter(name="alder").aupdate(user="plain", sudo=True)

    await run_operation(operation.pk)

    await operation.arefresh_from_db()
    assert_recognised(operation, "sudo-refused")
    assert operation.error["code"] == "sudo_refused"
    assert operation.error["node"] == "alder"
    assert "password" in operation.error["line"]
    node = await site.look("alder")
    assert (node.problem["code"], node.problem["rule"]) == ("sudo_refused", "sudo-refused")
    assert_runs_on_alder(site, before)
    line = re.search(r"plain ALL=\(ALL\) NOPASSWD: ALL", operation.error["remedy"])
    assert line
    alder.run(["tee", "/etc/sudoers.d/plain"], input=f"{line[0]}\n")
    try:
        await assert_moves_now(site, before)
    finally:
        alder.run(["rm", "/etc/sudoers.d/plain"])
