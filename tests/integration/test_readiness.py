"""What a look at a host finds is what the host has; what has changed is in its history."""

from __future__ import annotations

import pytest

from nodes.models import Node, NodeState
from tests.integration.site import Site, finding
from tests.lab import Host

pytestmark = [pytest.mark.integration, pytest.mark.lab]
CONFIGURATION = "/etc/containers/containers.conf"


def set_engine(host: Host, key: str, value: str) -> None:
    """Give a key another value in containers.conf, as an admin of the host would."""
    host.run(["sed", "--in-place", f's/^{key} = .*/{key} = "{value}"/', CONFIGURATION])
    assert f'{key} = "{value}"' in host.run(["cat", CONFIGURATION]).stdout


async def changes(node: Node) -> list[tuple[str, str, str]]:
    """Return the node's history, the oldest first."""
    events = node.events.exclude(check_name="state").order_by("pk")
    return [(event.check_name, event.level_before, event.level) async for event in events]


async def test_on_a_ready_host_every_check_passes_and_says_with_what(
    site: Site, alder: Host
) -> None:
    node = await site.look("alder")

    assert (node.state, node.readiness) == (NodeState.ONLINE, "ok"), node.findings
    assert {found["level"] for found in node.findings} == {"ok"}
    for program in ("podman", "criu", "runc", "crun", "conmon"):
        version = node.facts[f"{program}_version"]
        assert "." in version
        assert version in alder.run([program, "--version"]).stdout
    assert node.facts["kernel"] == alder.run(["uname", "-r"]).stdout.strip()
    assert node.facts["criu_version"] in finding(node, "kernel")["evidence"]
    assert node.facts["kernel"] in finding(node, "kernel")["evidence"]


async def test_the_features_of_criu_are_what_criu_itself_says(site: Site, alder: Host) -> None:
    node = await site.look("alder")

    features = node.facts["criu_features"]
    assert {"mem_dirty_track", "uffd-noncoop", "clone3_set_tid"} <= features.keys()
    for name, there in features.items():
        asked = alder.run(["criu", "check", "--feature", name], check=False)
        assert (asked.returncode == 0) is there, name


async def test_a_kernel_newer_than_criu_is_an_error_that_names_both_versions(
    site: Site, elm: Host
) -> None:
    node = await site.look("elm")

    kernel = finding(node, "kernel")
    assert (node.readiness, kernel["level"]) == ("error", "error")
    assert "cannot dump a container that has a network socket" in kernel["message"]
    assert "criu 4.1" in kernel["evidence"]
    assert elm.run(["uname", "-r"]).stdout.strip() in kernel["evidence"]
    assert "CRIU 4.2" in kernel["remedy"]


async def test_a_bare_host_lacks_podman_and_criu_and_can_be_prepared(site: Site, fir: Host) -> None:
    node = await site.look("fir")

    assert node.state == NodeState.BLOCKED
    assert node.problem["code"] == "podman_missing"
    for check in ("podman", "criu"):
        found = finding(node, check)
        assert (found["level"], found["fix"]) == ("error", "prepare")
    for check in ("runtime", "network-lock"):
        found = finding(node, check)
        assert (found["level"], found["fix"]) == ("warning", "prepare")
    assert finding(node, "root")["level"] == "ok"
    assert finding(node, "free-space")["level"] == "ok"
    assert node.facts["kernel"] == fir.run(["uname", "-r"]).stdout.strip()


async def test_the_systemd_cgroup_manager_is_warned_of_and_is_in_the_history(
    site: Site, alder: Host
) -> None:
    await site.look("alder")
    set_engine(alder, "cgroup_manager", "systemd")

    node = await site.look("alder")
    found = finding(node, "cgroup-manager")
    assert (found["level"], found["fix"], found["evidence"]) == ("warning", "prepare", "systemd")

    set_engine(alder, "cgroup_manager", "cgroupfs")
    node = await site.look("alder")
    assert finding(node, "cgroup-manager")["level"] == "ok"
    assert await changes(node) == [
        ("readiness", "", "ok"),
        ("cgroup-manager", "ok", "warning"),
        ("cgroup-manager", "warning", "ok"),
    ]


async def test_crun_is_warned_of_and_without_libcriu_it_cannot_checkpoint(
    site: Site, alder: Host
) -> None:
    await site.look("alder")
    set_engine(alder, "runtime", "crun")

    node = await site.look("alder")

    runtime, libcriu = finding(node, "runtime"), finding(node, "libcriu")
    assert (runtime["level"], runtime["fix"]) == ("warning", "prepare")
    assert "crun" in runtime["evidence"]
    assert (libcriu["level"], libcriu["fix"]) == ("error", "prepare")
    assert "libcriu" not in alder.run(["ldconfig", "-p"]).stdout
    assert node.readiness == "error"
    events = await changes(node)
    assert ("runtime", "ok", "warning") in events
    assert ("libcriu", "", "error") in events


async def test_a_running_container_made_under_another_runtime_is_named(
    site: Site, alder: Host, counter: str
) -> None:
    set_engine(alder, "runtime", "crun")

    node = await site.look("alder")

    found = finding(node, "containers")
    assert (found["level"], found["evidence"]) == ("warning", "counter (cgroupfs, runc)")


async def test_a_configuration_that_cannot_be_read_is_told_with_its_line(
    site: Site, alder: Host
) -> None:
    alder.shell('printf "[engine\\nruntime = 1\\n" > "$1"', CONFIGURATION)

    node = await site.look("alder")

    assert node.state == NodeState.BLOCKED
    assert node.problem["code"] == "podman_failed"
    found = finding(node, "configuration")
    assert found["level"] == "error"
    assert CONFIGURATION in found["message"]
    assert "line 1" in found["evidence"]


async def test_what_does_not_change_is_not_in_the_history(site: Site, alder: Host) -> None:
    for _ in range(2):
        node = await site.look("alder")
    assert await changes(node) == [("readiness", "", "ok")]
