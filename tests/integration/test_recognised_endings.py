"""A restored program that ends, or is started afresh, is not taken for one that has moved."""

from __future__ import annotations

import pytest

from nodes.models import OperationState
from tests.integration.recognised import assert_goes_on, held
from tests.integration.site import (
    Site,
    all_containers,
    running,
)
from tests.lab import Host

pytestmark = [pytest.mark.integration, pytest.mark.lab]


async def test_a_program_that_ends_by_itself_after_the_restore_is_explained_and_runs_on(
    site: Site, alder: Host, birch: Host
) -> None:
    # The folder is each host's own: on birch the program finds what it leaves at.
    for host in (alder, birch):
        host.shell("rm -rf /srv/guests && mkdir -p /srv/guests")
    birch.run(["touch", "/srv/guests/leave"])
    alder.start_workload("guest", name="guest", options=["--volume", "/srv/guests:/data"])
    before = held(alder, "guest")

    failed = await site.migrate("guest", "alder", "birch")

    assert failed.state == OperationState.FAILED
    assert failed.error["code"] == "verify_failed", failed.error
    assert failed.error["rule"] == "exit-other"
    assert "exit code 7" in failed.error["message"]
    assert "stayed on alder and runs" in failed.error["message"]
    assert "leaving" in await site.log(failed, "container.log")
    assert (running(alder), all_containers(birch)) == (["guest"], [])
    assert_goes_on(alder, "guest", before)
    birch.run(["rm", "/srv/guests/leave"])
    again = await site.migrate("guest", "alder", "birch")
    assert again.state == OperationState.SUCCEEDED, again.error
    assert (running(alder), running(birch)) == ([], ["guest"])
    assert_goes_on(birch, "guest", before)


LEAVES_ONCE = """
start=$(cat /proc/sys/kernel/random/uuid)
while :; do
  if [ -e /data/leave ]; then rm /data/leave; exit 0; fi
  echo "start=$start"
  sleep 0.3
done
"""


async def test_a_program_that_podman_starts_afresh_is_not_taken_for_the_restored_one(
    site: Site, alder: Host, birch: Host
) -> None:
    """It runs at every look, but its memory is gone: nothing may be committed to that."""
    for host in (alder, birch):
        host.shell("rm -rf /srv/guests && mkdir -p /srv/guests")
    birch.run(["touch", "/srv/guests/leave"])
    alder.load_image("busybox")
    alder.run([
        "podman", "run", "--detach", "--name", "phoenix", "--restart", "always",
        "--stop-signal", "SIGKILL", "--volume", "/srv/guests:/data",
        "localhost/ferry-busybox", "sh", "-c", LEAVES_ONCE,
    ])  # fmt: skip
    started = alder.run(["podman", "logs", "--tail", "1", "phoenix"]).stdout

    failed = await site.migrate("phoenix", "alder", "birch")

    assert failed.state == OperationState.FAILED, failed.result
    assert failed.error["code"] == "verify_failed", failed.error
    assert "stayed on alder and runs" in failed.error["message"]
    assert (running(alder), all_containers(birch)) == (["phoenix"], [])
    assert alder.run(["podman", "logs", "--tail", "1", "phoenix"]).stdout == started


async def test_a_program_that_no_restore_survives_is_told_as_such(
    site: Site, alder: Host, birch: Host
) -> None:
    # busybox's sleep ends when it is interrupted, on the destination and on the source alike.
    alder.start_workload("sleep", name="napper")

    operation = await site.migrate("napper", "alder", "birch")

    assert operation.state == OperationState.FAILED
    assert operation.error["code"] == "rollback_failed"
    assert "exited with code 0 at once" in operation.error["message"]
    assert "podman start napper" in operation.error["remedy"]
    assert operation.error["rule"] in ("exit-other", "exit-interrupted"), operation.error
    assert operation.result["rolled_back"] is False
    assert (running(alder), all_containers(birch)) == ([], [])
    assert all_containers(alder) == ["napper"]
