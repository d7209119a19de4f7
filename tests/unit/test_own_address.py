"""Whether a container's open connections survive a move depends on whose its address is."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest

from nodes.finding import Finding
from nodes.operations.connection_checks import check_open_connections
from nodes.operations.migration_plan import Surroundings
from nodes.operations.own_address import plan_holds
from nodes.podman.networks import (
    Network,
    NodeNetworks,
    attachments,
    parse_default_interface,
    parse_networks,
)
from nodes.podman.sockets import count_outward_connections
from tests.unit.builders import MIB, make_host, make_plan, make_surroundings

IP4, IP6, MAC = "10.0.0.200", "fd00::c8", "02:fe:00:00:00:c8"
LAN = {"IPAddress": IP4, "GlobalIPv6Address": IP6, "MacAddress": MAC}
PODMAN = {"IPAddress": "10.88.0.2", "GlobalIPv6Address": "", "MacAddress": "02:00:00:00:00:01"}


def make_network(name: str = "lan", **changes: Any) -> Network:
    facts = {
        "name": name,
        "driver": "macvlan",
        "interface": "eth0",
        "subnets": (ip_network("10.0.0.0/24"), ip_network("fd00::/64")),
    }
    return Network(**{**facts, **changes})


BRIDGE = make_network("podman", driver="bridge", subnets=(ip_network("10.88.0.0/16"),))


def make_networks(*networks: Network, **changes: Any) -> NodeNetworks:
    return NodeNetworks(networks={network.name: network for network in networks}, **changes)


def make_near(
    attached: dict[str, Any] | None = None,
    *,
    here: NodeNetworks | None = None,
    there: NodeNetworks | None = None,
    found: int = 2,
    outward: int = 2,
    **changes: Any,
) -> Surroundings:
    """Return a container on the macvlan network of both nodes, with connections to other hosts."""
    attached = {"lan": LAN} if attached is None else attached
    container = {
        "networks": sorted(attached),
        "raw": {"NetworkSettings": {"Networks": attached}},
    }
    return make_surroundings(
        container=container,
        open_connections=found,
        here={
            "outward_connections": outward,
            "networks": here or make_networks(make_network(), BRIDGE),
        },
        own_networks=there or make_networks(make_network(), BRIDGE),
        networks=frozenset(attached),
        **changes,
    )


def judged(near: Surroundings, **options: Any) -> Finding:
    return check_open_connections(near, make_plan(**{"tcp_established": True, **options}))


def test_connections_to_an_address_that_goes_along_are_kept() -> None:
    finding = judged(make_near())
    assert finding.level == "ok"
    assert f"to {IP4}, {IP6} are kept" in finding.message


@pytest.mark.parametrize(
    ("near", "options", "says"),
    [
        (make_near({"podman": PODMAN}), {}, "from where its ports are published"),
        (make_near({}), {}, "no network of its own"),
        (make_near(there=make_networks(BRIDGE)), {}, "has no macvlan network lan"),
        (make_near(there=make_networks(make_network(driver="bridge"))), {}, "no macvlan network"),
        (
            make_near(there=make_networks(make_network(subnets=(ip_network("10.9.0.0/24"),)))), {},
            "other subnets on the destination",
        ),
        (
            make_near(there=make_networks(make_network(), refusal="sh: nft: not found")), {},
            "nft: not found",
        ),
        (make_near(), {"ignore_static_ip": True}, "a new address"),
        (make_near(), {"ignore_static_mac": True}, "a new address"),
    ],
)  # fmt: skip
def test_what_loses_connections_is_said_before(
    near: Surroundings, options: dict[str, Any], says: str
) -> None:
    finding = judged(near, **options)
    assert finding.level == "warning"
    assert "will be lost" in finding.message
    assert says in finding.message
    assert finding.remedy


def test_without_nftables_on_the_destination_it_is_to_be_installed() -> None:
    near = make_near(there=make_networks(make_network(), refusal="sh: nft: not found"))
    assert "Install nftables on the destination" in judged(near).remedy


def test_without_nftables_on_the_source_a_failure_loses_them() -> None:
    near = make_near(here=make_networks(make_network(), refusal="sh: nft: not found"))
    finding = judged(near)
    assert (finding.level, "unless the move fails" in finding.message) == ("warning", True)


def test_without_a_program_to_announce_it_a_switch_may_notice_late() -> None:
    mute = make_host(tools=frozenset({"nft"}))
    finding = judged(make_near(destination=mute))
    assert (finding.level, "nothing to announce it with" in finding.message) == ("warning", True)


def test_connections_through_another_network_are_said_to_be_lost() -> None:
    finding = judged(make_near({"lan": LAN, "podman": PODMAN}))
    assert (finding.level, "others are lost" in finding.message) == ("warning", True)
    assert "podman" in finding.evidence


def test_connections_inside_the_container_need_no_address() -> None:
    assert judged(make_near({"podman": PODMAN}, outward=0)).level == "ok"


def test_the_option_is_offered_where_connections_survive_with_it() -> None:
    finding = judged(make_near(), tcp_established=False)
    assert (finding.level, dict(finding.options)) == ("warning", {"tcp_established": True})


def test_the_option_is_not_offered_where_they_are_lost_all_the_same() -> None:
    finding = judged(make_near({"podman": PODMAN}), tcp_established=False)
    assert (finding.level, dict(finding.options)) == ("warning", {})
    assert "choose Keep open connections (--tcp-established)" in finding.remedy


def test_one_that_is_made_before_the_checkpoint_is_kept_where_the_address_goes_along() -> None:
    assert "is kept" in judged(make_near(found=0, outward=0)).message
    assert "will be lost" in judged(make_near({"podman": PODMAN}, found=0, outward=0)).message


def test_each_node_holds_back_where_its_own_network_hangs() -> None:
    there = make_networks(make_network(interface="ens3"))
    holds = plan_holds(make_near(there=there), make_plan(tcp_established=True))
    assert holds["source"].addresses == {"eth0": [IP4, IP6]}
    assert holds["destination"].addresses == {"ens3": [IP4, IP6]}
    assert len(holds["destination"].frames) == 2


def test_a_network_without_an_interface_hangs_on_that_of_the_default_route() -> None:
    there = make_networks(make_network(interface=""), default_interface="bond0")
    holds = plan_holds(make_near(there=there), make_plan(tcp_established=True))
    assert list(holds["destination"].addresses) == ["bond0"]


def test_an_address_that_moves_is_announced_although_no_connection_is_to_be_kept() -> None:
    holds = plan_holds(make_near(), make_plan(tcp_established=False))
    assert holds["destination"].frames


def test_the_limit_grows_with_the_memory() -> None:
    small, large = (
        plan_holds(make_near(rss_bytes=size), make_plan(tcp_established=True))["source"].limit_s
        for size in (MIB, 64 * 1024 * MIB)
    )
    assert 60 <= small < 120
    assert large > 3600


@pytest.mark.parametrize(
    ("near", "options"),
    [
        (make_near(), {"tcp_established": True, "ignore_static_ip": True}),
        (make_near({"podman": PODMAN}), {"tcp_established": True}),
        (
            make_near(there=make_networks(make_network(interface='a"; }'))),
            {"tcp_established": True},
        ),
    ],
    ids=["new address", "bridge", "hostile interface"],
)
def test_nothing_is_held_back_where_the_address_stays(
    near: Surroundings, options: dict[str, Any]
) -> None:
    assert "destination" not in plan_holds(near, make_plan(**options))


def test_podmans_networks_are_read() -> None:
    answer = """[{"name": "lan", "driver": "macvlan", "network_interface": "eth0",
        "subnets": [{"subnet": "10.0.0.0/24", "gateway": "10.0.0.1"}, {"subnet": "fd00::/64"}]},
        {"name": "none-given", "driver": "macvlan"}]"""
    found = parse_networks(answer)
    assert found["lan"] == make_network()
    assert found["none-given"].subnets == ()


def test_a_container_is_attached_by_its_addresses_and_mac() -> None:
    (one,) = attachments({"NetworkSettings": {"Networks": {"lan": LAN}}})
    assert (one.network, one.addresses, one.mac) == ("lan", (IP4, IP6), MAC)
    assert attachments({}) == []


def test_the_default_route_names_its_interface() -> None:
    table = "Iface Destination Gateway\neth1 000A0A0A 00000000\neth0 00000000 0100000A\n"
    assert parse_default_interface(table) == "eth0"
    assert parse_default_interface("Iface Destination Gateway\n") == ""


@pytest.mark.parametrize(
    ("local", "remote", "outward"),
    [
        ("C8000A0A:1F90", "0100000A:C350", 1),
        ("0100007F:2328", "0100007F:C350", 0),
        ("C800000A:2328", "C800000A:C350", 0),
        ("0" * 24 + "01000000:2328", "0" * 24 + "01000000:C350", 0),
        ("0" * 16 + "FFFF0000C800000A:1F90", "0" * 16 + "FFFF00000100000A:C350", 1),
        ("0" * 16 + "FFFF00000100007F:1F90", "0" * 16 + "FFFF00000100007F:C350", 0),
        ("0000FD00" + "0" * 16 + "C8000000:1F90", "0000FD00" + "0" * 16 + "01000000:C350", 1),
        ("0000FD00" + "0" * 16 + "C8000000:1F90", "0000FD00" + "0" * 16 + "0100007F:C350", 1),
    ],
)
def test_a_connection_leads_out_unless_both_ends_are_inside(
    local: str, remote: str, outward: int
) -> None:
    assert count_outward_connections(f"  0: {local} {remote} 01 0:0\n") == outward
    assert count_outward_connections(f"  0: {local} {remote} 0A 0:0\n") == 0
