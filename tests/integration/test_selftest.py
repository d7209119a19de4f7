"""A self-test proves checkpoint and restore on a host, and leaves the host as it found it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from nodes.models import Node, OperationState
from nodes.operations.start_node import start_selftest
from tests.integration.cancel_after import CancelAfter
from tests.integration.site import Site, assert_same_program, finding, in_phase, running
from tests.lab import Host, full_check, read_counter, wait_until_it_counts

pytestmark = [pytest.mark.integration, pytest.mark.lab]
LATE_S = 2.0
CONFIGURATION = "/etc/containers/containers.conf"
# All that a run could leave: what Podman lists, what lies in its store, and the host's network.
LOOK = {
    "containers": "podman ps --all --format '{{.ID}} {{.Names}} {{.State}}'",
    "images": "podman images --all --no-trunc --format '{{.ID}} {{.Repository}}:{{.Tag}}'",
    "volumes": "podman volume ls --quiet",
    "networks": "podman network ls --format '{{.Name}}'",
    "store": "ls /var/lib/containers/storage/overlay-containers",
    "layers": "ls /var/lib/containers/storage/overlay",
    "staging": "ls --almost-all /var/lib/ferry 2>&1",
    "temporary": "ls --almost-all /tmp /var/tmp",
    "interfaces": "ip -oneline link | cut -d ' ' -f 2 | sort",
    "firewall": "nft list ruleset | sed 's/counter packets [0-9]* bytes [0-9]*//'",
    "programs": "ps -e -o comm= | grep -E 'conmon|criu|bash|podman|netavark' | sort",
}


def what_there_is(host: Host) -> dict[str, str]:
    return {name: host.shell(script, check=False).stdout for name, script in LOOK.items()}


@pytest.fixture
def used(alder: Host, counter: str) -> dict[str, str]:
    """Return what is on a host on which the counter runs."""
    return what_there_is(alder)


async def test_it_passes_on_a_ready_host_and_leaves_it_as_it_was(
    site: Site, alder: Host, used: dict[str, str]
) -> None:
    before = read_counter(alder)
    await site.look("alder")

    operation = await site.selftest("alder")

    assert operation.state == OperationState.SUCCEEDED, operation.error
    assert what_there_is(alder) == used
    assert_same_program(before, full_check(alder))
    node = await Node.objects.aget(name="alder")
    assert node.selftest["passed"] is True
    assert node.selftest["versions"]["criu"] in alder.run(["criu", "--version"]).stdout
    assert node.selftest["operation"] == operation.pk
    assert finding(node, "selftest")["level"] == "ok"
    assert node.readiness == "ok", node.findings
    assert operation.result["seconds"].keys() >= {"image", "run", "checkpoint", "restore"}
    changes = node.events.exclude(check_name="state")
    assert [event.check_name async for event in changes] == ["selftest", "readiness"]


async def test_a_kernel_newer_than_criu_fails_it_and_the_finding_says_so(
    site: Site, elm: Host
) -> None:
    elm.start_workload("counter", memory_mib=8)
    counted, before = wait_until_it_counts(elm), what_there_is(elm)

    operation = await site.selftest("elm")

    assert operation.state == OperationState.FAILED
    assert operation.error["code"] == "selftest_failed"
    assert operation.error["rule"] == "kernel-newer-than-criu", operation.error
    assert "opt: Operation not supported" in operation.error["line"]
    assert operation.error["line"] in await site.log(operation, "dump.log")
    assert "CRIU 4.1.1" in operation.error["cause"]
    assert what_there_is(elm) == before
    assert_same_program(counted, full_check(elm))
    node = await Node.objects.aget(name="elm")
    assert node.selftest["passed"] is False
    found = finding(node, "selftest")
    assert (found["level"], found["fix"]) == ("error", "selftest")
    assert "failed" in found["message"]
    assert "opt: Operation not supported" in found["evidence"]


@pytest.fixture
def without_criu(alder: Host) -> Iterator[Host]:
    alder.run(["mv", "/usr/sbin/criu", "/usr/sbin/criu-away"])
    yield alder
    alder.run(["mv", "/usr/sbin/criu-away", "/usr/sbin/criu"])


async def test_a_missing_criu_fails_it_and_it_can_be_prepared(
    site: Site, used: dict[str, str], without_criu: Host
) -> None:
    operation = await site.selftest("alder")

    assert operation.state == OperationState.FAILED
    assert operation.error["rule"] == "criu-missing", operation.error
    assert operation.error["action"] == "prepare"
    assert operation.error["node"] == "alder"
    assert operation.error["line"]
    assert what_there_is(without_criu) == used
    assert running(without_criu) == ["counter"]


async def test_crun_without_libcriu_voids_an_earlier_proof_fails_the_next_and_can_be_mended(
    site: Site, alder: Host, used: dict[str, str]
) -> None:
    passed = await site.selftest("alder")
    assert passed.state == OperationState.SUCCEEDED, passed.error
    alder.run(["sed", "--in-place", 's/^runtime = .*/runtime = "crun"/', CONFIGURATION])

    void = finding(await site.look("alder"), "selftest")
    assert (void["level"], void["fix"]) == ("warning", "selftest")
    assert "crun" in void["evidence"]

    failed = await site.selftest("alder")
    assert failed.state == OperationState.FAILED
    assert failed.error["rule"] in ("libcriu-missing", "runtime-without-checkpoint"), failed.error
    assert failed.error["action"] == "prepare"
    assert failed.error["line"]
    assert what_there_is(alder) == used

    prepared = await site.prepare("alder")
    assert prepared.state == OperationState.SUCCEEDED, prepared.error
    again = await site.selftest("alder")
    assert again.state == OperationState.SUCCEEDED, again.error
    assert finding(await Node.objects.aget(name="alder"), "selftest")["level"] == "ok"


@pytest.mark.parametrize("phase", ["image", "run", "checkpoint", "restore", "verify"])
async def test_a_cancel_in_any_phase_leaves_nothing_behind(
    site: Site, alder: Host, used: dict[str, str], phase: str
) -> None:
    before = read_counter(alder)
    operation = await site.queue_on(start_selftest, "alder")

    operation = await site.cancel_when(operation, in_phase(phase), after_s=0.1)

    assert operation.state == OperationState.CANCELLED, operation.error
    assert what_there_is(alder) == used
    assert_same_program(before, full_check(alder))


@pytest.mark.parametrize("moment_ms", [0, 25])
@pytest.mark.parametrize("step", ["image", "run", "checkpoint", "restore"])
async def test_a_cancel_right_after_a_step_was_sent_leaves_nothing_behind(
    site: Site,
    alder: Host,
    used: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    moment_ms: int,
) -> None:
    operation = await site.queue_on(start_selftest, "alder")
    name = step if step == "image" else f"{step}-criu-test-{operation.pk}"
    cancel = CancelAfter(monkeypatch, {name}, moment_ms)

    await cancel.run(operation.pk)

    assert cancel.cancelled_in == name
    await operation.arefresh_from_db()
    assert operation.state == OperationState.CANCELLED, operation.error
    assert what_there_is(alder) == used
    # What was still under way on the node must not come up later.
    await asyncio.sleep(LATE_S)
    assert what_there_is(alder) == used
