"""A dump that fails is recognised, leaves the container running, and its remedy is enough."""

from __future__ import annotations

import pytest

from nodes.models import Operation, OperationState
from tests.integration.recognised import STORE, assert_goes_on, assert_recognised, held
from tests.integration.site import (
    Site,
    all_containers,
    running,
    staging_is_gone,
)
from tests.lab import Host

pytestmark = [pytest.mark.integration, pytest.mark.lab]


async def fail_the_dump(site: Site, name: str, rule: str) -> Operation:
    """Have a dump fail that changes nothing: the program runs on and the whole log was fetched."""
    alder, birch = site.hosts["alder"], site.hosts["birch"]
    before = held(alder, name)

    failed = await site.migrate(name, "alder", "birch")

    assert_recognised(failed, rule)
    assert failed.error["code"] == "checkpoint_failed"
    assert "Error (criu" in failed.error["line"]
    assert "stayed on alder and runs" in failed.error["message"]
    container_id = failed.container_podman_id
    kept = alder.run(["cat", f"{STORE}/{container_id}/userdata/dump.log"]).stdout
    assert await site.log(failed, "dump.log") == kept
    assert failed.error["line"] in kept
    assert any("Error (criu" in message for message in await site.messages(failed))
    assert name in running(alder)
    assert all_containers(birch) == []
    assert_goes_on(alder, name, before)
    assert staging_is_gone(alder)
    assert staging_is_gone(birch)
    return failed


@pytest.mark.parametrize(
    ("kind", "rule", "options"),
    [
        ("tcp", "tcp-established", {"tcp_established": True}),
        ("lock", "file-locks", {"file_locks": True}),
    ],
)
async def test_what_a_container_holds_fails_the_dump_and_the_offered_option_takes_it_along(
    site: Site, alder: Host, birch: Host, kind: str, rule: str, options: dict[str, bool]
) -> None:
    alder.start_workload(kind, name="holder")

    failed = await fail_the_dump(site, "holder", rule)

    assert failed.error["options"] == options
    left_at = held(alder, "holder")
    again = await site.migrate("holder", "alder", "birch", **failed.error["options"])
    assert again.state == OperationState.SUCCEEDED, again.error
    assert (running(alder), running(birch)) == ([], ["holder"])
    assert_goes_on(birch, "holder", left_at)


async def test_a_socket_whose_other_end_is_outside_fails_the_dump_until_its_mount_is_gone(
    site: Site, alder: Host, birch: Host
) -> None:
    for host in (alder, birch):
        host.run(["mkdir", "-p", "/srv/shared"])
    shared = ["--volume", "/srv/shared:/data"]
    alder.start_workload("unix-server", name="server", options=shared)
    alder.start_workload("unix-client", name="client", options=shared)

    failed = await fail_the_dump(site, "client", "external-socket")

    assert "without the mount" in failed.error["remedy"]
    assert sorted(running(alder)) == ["client", "server"]
    alder.run(["podman", "rm", "--force", "--time", "0", "client"])
    alder.start_workload("unix-client", name="client")
    again = await site.migrate("client", "alder", "birch")
    assert again.state == OperationState.SUCCEEDED, again.error
    assert (running(alder), running(birch)) == (["server"], ["client"])


async def test_a_deleted_file_over_the_limit_fails_the_dump_until_the_limit_is_raised(
    site: Site, alder: Host, birch: Host
) -> None:
    alder.start_workload("ghost", name="ghost", size_bytes=4 * 1024 * 1024)

    failed = await fail_the_dump(site, "ghost", "ghost-file")

    assert "/etc/criu/runc.conf" in failed.error["remedy"]
    alder.shell('mkdir -p /etc/criu && echo "ghost-limit 8M" > /etc/criu/runc.conf')
    left_at = held(alder, "ghost")
    again = await site.migrate("ghost", "alder", "birch")
    assert again.state == OperationState.SUCCEEDED, again.error
    assert_goes_on(birch, "ghost", left_at)
