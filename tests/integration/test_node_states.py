"""What a node cannot do becomes its state, with the reason and what to do."""

from __future__ import annotations

import pytest
from asgiref.sync import sync_to_async

from nodes.inventory.register import authorise, look_at
from nodes.inventory.site_key import load_site_key
from nodes.models import Container, Node, NodeState
from nodes.ssh.errors import AuthenticationRefused
from tests.integration.site import Site
from tests.lab import PASSWORD, Host

pytestmark = [pytest.mark.integration, pytest.mark.lab]


async def birch_node() -> Node:
    return await Node.objects.aget(name="birch")


async def test_a_ready_node_is_online_and_all_green(site: Site) -> None:
    node = await birch_node()
    await look_at(node)
    assert node.state == NodeState.ONLINE
    assert node.readiness == "ok", node.findings
    assert node.facts["podman_version"]
    assert node.facts["criu_version"]


async def test_a_node_that_is_cut_off_is_unreachable_and_keeps_its_containers(
    site: Site, alder: Host, counter: str
) -> None:
    node = await Node.objects.aget(name="alder")
    await look_at(node)
    alder.cut()
    await look_at(node)
    assert node.state == NodeState.UNREACHABLE
    assert node.problem["code"] == "node_unreachable"
    assert "firewall" in node.problem["remedy"]
    assert await Container.objects.filter(node=node, name="counter").aexists()


async def test_a_closed_port_is_unreachable(site: Site, birch: Host) -> None:
    birch.stop_sshd()
    node = await birch_node()
    await look_at(node)
    assert node.state == NodeState.UNREACHABLE
    assert "refused" in node.problem["cause"].lower()


async def test_a_key_that_is_not_authorised_is_refused_with_what_to_do(
    site: Site, birch: Host
) -> None:
    birch.deauthorize()
    node = await birch_node()
    await look_at(node)
    assert node.state == NodeState.BLOCKED
    assert node.problem["code"] == "authentication_refused"
    assert "authorise" in node.problem["remedy"].lower()


async def test_a_changed_host_key_is_refused_with_both_fingerprints(
    site: Site, birch: Host
) -> None:
    node = await birch_node()
    pinned = node.host_key_fingerprint
    birch.rotate_host_key()
    await look_at(node)
    assert node.state == NodeState.BLOCKED
    assert node.problem["code"] == "host_key_changed"
    assert pinned in node.problem["cause"]
    node.host_key = birch.host_key
    assert node.host_key_fingerprint in node.problem["cause"]


async def test_a_user_without_sudo_is_refused_with_the_sudoers_line(
    site: Site, birch: Host
) -> None:
    birch.authorize((await sync_to_async(load_site_key)()).public_key, user="plain")
    node = await birch_node()
    node.user, node.sudo = "plain", True
    await node.asave()
    await look_at(node)
    assert node.state == NodeState.BLOCKED
    assert node.problem["code"] == "sudo_refused"
    assert "NOPASSWD" in node.problem["remedy"]


async def test_a_user_who_is_not_root_is_found_unfit(site: Site, birch: Host) -> None:
    birch.authorize((await sync_to_async(load_site_key)()).public_key, user="plain")
    node = await birch_node()
    node.user = "plain"
    await node.asave()
    await look_at(node)
    text = f"{node.problem} {node.findings}"
    assert node.state != NodeState.ONLINE or node.readiness == "error"
    assert "root" in text


async def test_a_host_without_podman_says_how_to_install_it(site: Site, birch: Host) -> None:
    birch.run(["mv", "/usr/bin/podman", "/usr/bin/podman-away"])
    try:
        node = await birch_node()
        await look_at(node)
    finally:
        birch.run(["mv", "/usr/bin/podman-away", "/usr/bin/podman"])
    assert node.state == NodeState.BLOCKED
    assert node.problem["code"] == "podman_missing"
    assert "apt-get install podman" in node.problem["remedy"]


async def test_a_host_without_criu_is_online_but_not_ready(site: Site, birch: Host) -> None:
    path = birch.run(["sh", "-c", "command -v criu"]).stdout.strip()
    birch.run(["mv", path, f"{path}-away"])
    try:
        node = await birch_node()
        await look_at(node)
    finally:
        birch.run(["mv", f"{path}-away", path])
    assert node.state == NodeState.ONLINE
    assert node.readiness == "error"
    criu = next(finding for finding in node.findings if finding["check"] == "criu")
    assert "install" in criu["remedy"].lower()


async def test_a_password_authorises_the_site_key_once(site: Site, birch: Host) -> None:
    node = await birch_node()
    node.user, node.sudo = "ferry", True
    await node.asave()
    birch.run(["rm", "-rf", "/home/ferry/.ssh"])
    await look_at(node)
    assert node.state == NodeState.BLOCKED

    with pytest.raises(AuthenticationRefused) as refused:
        await authorise(node, "not the password")
    assert "password" in refused.value.problem.message

    for _ in range(2):
        await authorise(node, PASSWORD)
    await look_at(node)
    assert node.state == NodeState.ONLINE
    keys = birch.run(["cat", "/home/ferry/.ssh/authorized_keys"]).stdout.splitlines()
    assert len(keys) == 1
