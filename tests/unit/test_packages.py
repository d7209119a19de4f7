"""Which packages a host lacks, and the exact commands of its own package manager."""

from __future__ import annotations

import shlex

import pytest

from nodes.host.packages import Command, install_commands, missing_packages
from nodes.host.preparation import PreparationImpossible, plan_preparation
from nodes.host.probe import TOOLS
from tests.unit.builders import make_host
from tests.unit.probes import BARE, recorded_facts

OF_FERRY = frozenset({"podman", "criu", "runc", "iptables-restore", "tar", "zstd"})
OTHERS = frozenset(TOOLS) - OF_FERRY - {"apt-get", "dnf"}
APT, DNF = OTHERS | {"apt-get"}, OTHERS | {"dnf"}
UPDATE = ("apt-get", "update")
APT_INSTALL = (
    "env", "DEBIAN_FRONTEND=noninteractive", "NEEDRESTART_SUSPEND=1",
    "apt-get", "install", "--yes", "--no-remove", "--no-install-recommends",
    "-o", "Dpkg::Options::=--force-confold", "-o", "DPkg::Lock::Timeout=300",
)  # fmt: skip
IPTABLES = "/usr/sbin/iptables-restore"
DNF_INSTALL = ("dnf", "install", "--assumeyes", "--setopt=install_weak_deps=False")


@pytest.mark.parametrize(
    "tools, argvs",
    [
        # Debian and Ubuntu.
        (APT, [UPDATE, (*APT_INSTALL, "podman", "criu", "runc", "iptables", "tar", "zstd"),
               (*APT_INSTALL, "aardvark-dns")]),
        (APT | OF_FERRY - {"criu"}, [UPDATE, (*APT_INSTALL, "criu")]),
        (APT | OF_FERRY - {"podman", "tar"},
         [UPDATE, (*APT_INSTALL, "podman", "tar"), (*APT_INSTALL, "aardvark-dns")]),
        (APT | OF_FERRY, []),
        # Fedora and RHEL.
        (DNF, [(*DNF_INSTALL, "podman", "criu", "runc", IPTABLES, "tar", "zstd"),
               (*DNF_INSTALL, "aardvark-dns")]),
        (DNF | OF_FERRY - {"runc", "criu"}, [(*DNF_INSTALL, "criu", "runc")]),
        (DNF | OF_FERRY - {"iptables-restore"}, [(*DNF_INSTALL, IPTABLES)]),
        (DNF | OF_FERRY, []),
    ],
)  # fmt: skip
def test_a_host_is_told_to_install_what_it_lacks(
    tools: frozenset[str], argvs: list[tuple[str, ...]]
) -> None:
    plan = plan_preparation(make_host(tools=tools))
    assert [command.argv for command in plan.commands] == argvs


@pytest.mark.parametrize(
    "manager, package, forgiven",
    [
        ("apt", "criu", [True, False]),
        # A release may not have what is only welcome beside Podman.
        ("apt", "podman", [True, False, True]),
        ("dnf", "criu", [False]),
        ("dnf", "podman", [False, True]),
    ],
)
def test_what_is_needed_must_come(manager: str, package: str, forgiven: list[bool]) -> None:
    assert [each.may_fail for each in install_commands(manager, [package])] == forgiven


@pytest.mark.parametrize(
    "ids, manager",
    [(("debian",), "apt"), (("fedora",), "dnf"), (("rocky", "rhel", "centos", "fedora"), "dnf")],
)
def test_of_two_package_managers_the_distributions_own_is_used(
    ids: tuple[str, ...], manager: str
) -> None:
    host = make_host(tools=APT | DNF, distribution_ids=ids)
    assert host.package_manager == manager


def test_a_red_hat_without_runc_is_told_before_anything_is_installed() -> None:
    host = make_host(tools=DNF, distribution_ids=("rhel", "fedora", "platform:el10"))
    with pytest.raises(PreparationImpossible, match="removed runc"):
        plan_preparation(host)
    with_runc = make_host(tools=DNF | {"runc"}, distribution_ids=host.distribution_ids)
    assert "criu" in plan_preparation(with_runc).packages


@pytest.mark.parametrize("manager", ["apt", "dnf"])
def test_nothing_is_run_where_nothing_is_missing(manager: str) -> None:
    assert install_commands(manager, ()) == ()


def test_a_recorded_bare_host_lacks_podman_criu_runc_and_iptables() -> None:
    packages = missing_packages(recorded_facts(BARE))
    assert packages == ("podman", "criu", "runc", "iptables")


def test_where_there_is_no_package_manager_the_names_are_debians() -> None:
    assert "iptables" in missing_packages(make_host(tools=OTHERS))


def test_a_command_is_shown_as_a_person_would_type_it() -> None:
    command = Command(argv=("dnf", "install", "a package", "b;reboot"))
    assert command.line == "dnf install 'a package' 'b;reboot'"
    assert shlex.split(command.line) == list(command.argv)
