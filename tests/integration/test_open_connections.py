"""A container with an address of its own keeps its TCP connections when it moves, byte for byte."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from nodes.models import Node, Operation, OperationState
from nodes.operations import start
from nodes.operations.runner import recover_operation
from nodes.podman.announce import SEND_WITH_PERL, SEND_WITH_PYTHON, announcements
from nodes.podman.hold_address import Hold, release_argv
from nodes.podman.networks import Attachment
from nodes.podman.options import MigrationOptions
from tests.integration.dying_site import site_that_dies
from tests.integration.site import Site, all_containers, running, staging_is_gone
from tests.lab import Host, Lab
from tests.lab.own_address import MAC, NETWORK, OwnAddress, give_network, take_network
from tests.lab.stream import Streamed, Streamer

pytestmark = [pytest.mark.integration, pytest.mark.lab]
# Each sends at other moments than the others: of one alone it is chance whether it meets the gap.
_STREAMS = 8
_CRIU = "/usr/sbin/criu"
_NFT = "/usr/sbin/nft"
_EVERYTHING = 3  # ETH_P_ALL
_SLOW_CRIU = f"""#!/bin/sh
[ "$1" != swrk ] || sleep 1.5
exec {_CRIU}.away "$@"
"""


@pytest.fixture
def echo(lab: Lab, alder: Host, birch: Host) -> Iterator[OwnAddress]:
    """Start an echo server on alder, on a network that both hosts have."""
    own = OwnAddress.of(lab)
    for host in (alder, birch):
        give_network(host, own)
        host.load_image("echoer")
    alder.start_workload("echo", options=own.options)
    yield own
    for host in (alder, birch):
        take_network(host)


@contextmanager
def streaming(own: OwnAddress) -> Iterator[list[Streamer]]:
    """Stream over IPv4 and IPv6 alike."""
    with ExitStack() as streams:
        started = [
            streams.enter_context(Streamer(address, own.port, eager=True))
            for address in (own.ip4, own.ip6) * (_STREAMS // 2)
        ]
        for stream in started:
            stream.wait_until_it_flows()
        yield started


def assert_all_came_back(streams: list[Streamer]) -> None:
    for stream in streams:
        stream.wait_until_it_flows()
    assert [whole(stream.end()) for stream in streams] == [True] * len(streams)


def whole(figures: Streamed) -> bool | str:
    return figures.broken or figures.sent_bytes == figures.returned_bytes


def tables(host: Host) -> str:
    return host.run(["nft", "list", "tables", "netdev"]).stdout.strip()


async def until_held(host: Host, operation: Operation) -> None:
    async with asyncio.timeout(60):
        while f"ferry_{operation.pk}" not in await asyncio.to_thread(tables, host):
            await asyncio.sleep(0.01)


async def test_moves_back_and_forth_keep_connections_whose_clients_send_all_the_time(
    site: Site, alder: Host, birch: Host, echo: OwnAddress
) -> None:
    with streaming(echo) as streams:
        for source, destination in (("alder", "birch"), ("birch", "alder"), ("alder", "birch")):
            moved = await site.migrate("echo", source, destination, tcp_established=True)
            assert moved.state == OperationState.SUCCEEDED, moved.error
            assert moved.result["warnings"] == []
        await asyncio.to_thread(assert_all_came_back, streams)
    assert (running(alder), running(birch)) == ([], ["echo"])
    assert (tables(alder), tables(birch)) == ("", "")
    assert staging_is_gone(alder)
    assert staging_is_gone(birch)


@pytest.mark.parametrize(
    "sender", [("python3", "-c", SEND_WITH_PYTHON), ("perl", "-e", SEND_WITH_PERL)]
)
def test_a_node_announces_a_container_by_its_own_mac(
    lab: Lab, alder: Host, echo: OwnAddress, sender: tuple[str, ...]
) -> None:
    here = Attachment(network=NETWORK, addresses=(echo.ip4, echo.ip6), mac=MAC)
    frames = announcements([here])
    pid = alder.run(["podman", "inspect", "--format", "{{.State.Pid}}", "echo"]).stdout.strip()
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.ntohs(_EVERYTHING)) as heard:
        heard.bind((lab.network.bridge, _EVERYTHING))
        heard.settimeout(10)
        within = ["nsenter", f"--net=/proc/{pid}/ns/net"]
        alder.run([*within, *sender, *(frame.hex() for frame in frames)])
        missing = set(frames)
        while missing:
            missing.discard(heard.recv(2048))


@pytest.fixture
def slow_criu(alder: Host) -> Iterator[None]:
    """Let the network of what is restored on alder be up for a while before its sockets are."""
    alder.run(["mv", _CRIU, f"{_CRIU}.away"])
    alder.run(["sh", "-c", f"cat > {_CRIU} && chmod +x {_CRIU}"], input=_SLOW_CRIU)
    yield
    alder.run(["mv", f"{_CRIU}.away", _CRIU])


async def test_a_restore_that_fails_keeps_connections_by_the_rollback(
    site: Site, alder: Host, birch: Host, echo: OwnAddress, slow_criu: None
) -> None:
    birch.run(["sh", "-c", "mkdir -p /etc/criu && echo no-such-option > /etc/criu/runc.conf"])
    with streaming(echo) as streams:
        failed = await site.migrate("echo", "alder", "birch", tcp_established=True)
        await asyncio.to_thread(assert_all_came_back, streams)
    assert failed.state == OperationState.FAILED
    assert failed.error["code"] == "restore_failed", failed.error
    assert (running(alder), all_containers(birch)) == (["echo"], [])
    assert (tables(alder), tables(birch)) == ("", "")


async def test_a_site_killed_while_packets_are_held_back_leaves_nothing_held_and_nothing_lost(
    site: Site, alder: Host, birch: Host, echo: OwnAddress
) -> None:
    operation = await site.queue("echo", "alder", "birch", tcp_established=True)
    with streaming(echo) as streams:
        with site_that_dies(operation):
            await until_held(birch, operation)
        # Nobody has told the node to let go: it does when the restore has ended.
        for stream in streams:
            await asyncio.to_thread(stream.wait_until_it_flows)
        assert tables(birch) == ""
        await recover_operation(operation.pk)
        await asyncio.to_thread(assert_all_came_back, streams)
    assert len(running(alder) + running(birch)) == 1


@pytest.mark.parametrize("killed", [["hold-address"], ["hold-address", "tidy 5 ferry_7"]])
def test_the_node_lets_go_by_itself_when_its_shell_is_killed(
    alder: Host, echo: OwnAddress, killed: list[str]
) -> None:
    hold = Hold(addresses={"eth0": [echo.ip4]}, limit_s=5)
    around = hold.around_argv(operation_id=7, folder="/tmp", container="echo")
    shell = subprocess.Popen(alder.enter_argv([*around, "sleep", "1000"]))
    with Streamer(echo.ip4, echo.port, eager=True) as stream:
        wait_for_table(alder, "ferry_7")
        for name in killed:
            alder.run(["pkill", "--signal", "KILL", "--full", name])
        stream.wait_until_it_flows()
        figures = stream.end()
    shell.wait(20)
    alder.run(["pkill", "--full", "sleep 1000"])
    assert whole(figures) is True
    assert 1 < figures.longest_silence_s < 15
    if len(killed) > 1:
        # Nothing is left to remove the table: it holds nothing, and the operation's end removes it.
        assert alder.run(release_argv(7)).stdout == "released\n"
    assert wait_for_no_table(alder)


def wait_for_table(host: Host, name: str) -> None:
    deadline = time.monotonic() + 10
    while name not in tables(host):
        assert time.monotonic() < deadline, f"{host.name} has no table {name}"
        time.sleep(0.01)


def wait_for_no_table(host: Host) -> bool:
    deadline = time.monotonic() + 10
    while tables(host) and time.monotonic() < deadline:
        time.sleep(0.1)
    return tables(host) == ""


async def finding_about_connections(site: Site, **options: bool) -> tuple[str, str]:
    container = await site.container("echo", "alder")
    there = await Node.objects.aget(name="birch")
    ask = start.preflight_migration
    findings = await ask(container, there, MigrationOptions(**options))
    found = next(finding for finding in findings if finding.check == "connections")
    return str(found.level), f"{found.message} {found.remedy}"


async def test_preflight_says_whether_connections_survive(
    site: Site, birch: Host, echo: OwnAddress
) -> None:
    with Streamer(echo.ip4, echo.port) as stream:
        stream.wait_until_it_flows()
        assert (await finding_about_connections(site))[1].endswith("they survive the move.")
        level, said = await finding_about_connections(site, tcp_established=True)
        assert (level, "are kept" in said) == ("ok", True)
        birch.run(["mv", _NFT, f"{_NFT}.away"])
        try:
            level, said = await finding_about_connections(site, tcp_established=True)
        finally:
            birch.run(["mv", f"{_NFT}.away", _NFT])
    assert level == "warning"
    assert "cannot hold back" in said
    assert "Install nftables on the destination" in said
