"""What a host says becomes facts; what it does not say is never taken for good."""

from __future__ import annotations

import json
from typing import Any

import pytest

from nodes.host.facts import CAPABILITIES, HostFacts, RunningContainer
from nodes.host.probe import Section
from nodes.podman.answer import UnreadableAnswer
from tests.unit.builders import make_host
from tests.unit.probes import (
    BARE,
    FAILING,
    OLDER,
    READY,
    answered,
    facts_of,
    ready_but,
    recorded_facts,
    sections_of,
)

KIB = 1024
RECORDED: dict[str, dict[str, Any]] = {
    READY: {
        "podman_problem": "",
        "distribution": "Debian GNU/Linux forky/sid",
        "uid": 0,
        "capabilities": frozenset(CAPABILITIES),
        "criu_version": "4.2.1",
        "criu_check": "Looks good.",
        "criu_check_passed": True,
        "runc_version": "1.3.6",
        "crun_version": "1.28",
        "crun_has_criu": True,
        "has_libcriu": False,
        "conmon_version": "2.1.13",
        "selinux": "",
        "apparmor": False,
        "staging_free_bytes": 20300564 * 4096,
        "graph_root_free_bytes": 20300564 * 4096,
        "memory_available_bytes": 24176272 * KIB,
        "has_podman": True,
        "package_manager": "apt",
        "containers": (),
    },
    OLDER: {
        "distribution": "Debian GNU/Linux 13 (trixie)",
        "criu_version": "4.1.1",
        "runc_version": "1.1.15",
        "crun_version": "1.21",
        "crun_has_criu": True,
        "conmon_version": "2.1.12",
    },
    FAILING: {
        "podman_problem": "Error: failed to open 4096 locks in /libpod_lock: "
        "numerical result out of range",
        "has_podman": True,
        "criu_version": "4.1.1",
        "graph_root_free_bytes": 0,
    },
    BARE: {
        "podman_problem": "not found",
        "distribution": "Debian GNU/Linux forky/sid",
        "has_podman": False,
        "package_manager": "apt",
        "criu_version": "",
        "criu_check": "not found",
        "criu_check_passed": False,
        "criu_features": {},
        "runc_version": "",
        "crun_has_criu": False,
        "staging_free_bytes": 20300011 * 4096,
    },
}
OF_PODMAN: dict[str, dict[str, Any]] = {
    READY: {"podman_version": "5.8.6", "runtime": "runc", "cgroup_manager": "cgroupfs"},
    OLDER: {"podman_version": "5.4.2", "runtime": "crun", "cgroup_manager": "systemd"},
    FAILING: {"podman_version": "5.4.2", "runtime": "", "cgroup_manager": "", "hostname": "elm"},
    BARE: {
        "podman_version": "",
        "runtime": "",
        "cgroup_version": "v2",
        "architecture": "amd64",
        "kernel": "6.18.44-fc-v657",
        "hostname": "fir",
        "memory_total_bytes": 24684092 * KIB,
        "cpus": 2,
        "graph_root": "",
        "rootless": False,
    },
}


def picked(thing: object, names: dict[str, Any]) -> dict[str, Any]:
    return {name: getattr(thing, name) for name in names}


@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_host_is_known(name: str) -> None:
    facts = recorded_facts(name)
    assert picked(facts, RECORDED[name]) == RECORDED[name]
    assert picked(facts.info, OF_PODMAN[name]) == OF_PODMAN[name]


def test_the_programs_of_a_bare_host_are_known() -> None:
    facts = recorded_facts(BARE)
    assert facts.tools == {"apt-get", "bash", "gzip", "ldd", "nft", "tar", "zstd"}


def test_a_feature_that_this_criu_does_not_know_is_left_open() -> None:
    lacking = {"mem_dirty_track": False, "apparmor_stacking": False}
    newer, older = (recorded_facts(name).criu_features for name in (READY, OLDER))
    assert {name: there for name, there in newer.items() if not there} == lacking
    assert set(newer) - set(older) == {"timer_cr_ids"}


def test_the_processors_features_are_a_set_of_words() -> None:
    facts = recorded_facts(READY)
    assert {"fpu", "sse2", "avx512vbmi"} <= facts.cpu_flags
    assert ready_but(cpu=answered("Features\t: fp asimd\n")).cpu_flags == {"fp", "asimd"}


WARNED = 'time="2026-11-24" level=warning msg="{a} warning"\n'
INFO = sections_of(READY)["podman-info"].text
CASES: list[tuple[str, Section, str, Any]] = [
    ("user", answered("1000\n"), "uid", 1000),
    ("user", answered("", 127), "uid", -1),
    ("capabilities", answered("CapEff:\t0000000000200000\n"), "capabilities", {"CAP_SYS_ADMIN"}),
    ("capabilities", answered("CapEff:\t0000000000081000\n"), "capabilities",
     {"CAP_NET_ADMIN", "CAP_SYS_PTRACE"}),
    ("capabilities", answered("", 1), "capabilities", set()),
    ("selinux", answered("Enforcing\n"), "selinux", "enforcing"),
    ("selinux", answered("Enforcing\n", 1), "selinux", ""),
    ("apparmor", answered("Y\n"), "apparmor", True),
    ("apparmor", answered("N\n"), "apparmor", False),
    ("libcriu", answered("\tlibcriu.so.2 (libc6,x86-64) => /lib/libcriu.so.2\n"),
     "has_libcriu", True),
    ("crun", answered("crun version 1.14.1\n+SYSTEMD +SELINUX\n"), "crun_has_criu", False),
    ("criu-check", answered("Looks good.\n", 1), "criu_check_passed", False),
    ("criu-check", answered("Fine.\n"), "criu_check_passed", False),
    ("criu-check", answered("Error: x\n", 1), "criu_check", "Error: x"),
    ("criu-check-all", answered("x" * 9000, 1), "criu_check_all", "x" * 2000),
    ("criu", answered("Version: 3.17\nGitID: v3.17\n"), "criu_version", "3.17"),
    ("os", answered("PRETTY_NAME='Fedora Linux 43 (Server Edition)'\n"), "distribution",
     "Fedora Linux 43 (Server Edition)"),
    ("os", answered('NAME="x"\nPRETTY_NAME=Arch\\ Linux\n'), "distribution", "Arch Linux"),
    ("os", answered('PRETTY_NAME="x\n'), "distribution", '"x'),
    ("os", answered("", 1), "distribution", ""),
    ("tools", answered("dnf\npodman\n"), "package_manager", "dnf"),
    ("tools", answered("podman\n"), "package_manager", ""),
    ("tools", answered("dnf\n"), "has_podman", False),
    ("staging", answered("cannot read file system information\n", 1), "staging_free_bytes", 0),
    ("memory", answered("MemTotal: 7 kB\n"), "memory_available_bytes", 0),
    ("podman-info", answered("", 124), "podman_problem", "it ended with status 124"),
    ("podman-info", answered("hello\n"), "podman_problem", "hello"),
    ("podman-info", answered(f"{INFO}", 1), "podman_problem", INFO.strip()[:2000]),
    ("podman-info", answered(f"{WARNED}{INFO}"), "podman_problem", ""),
    ("feature openat2", answered("", 124), "criu_features.openat2", None),
    ("feature openat2", answered("Error: Unknown feature openat2", 1),
     "criu_features.openat2", None),
    ("feature openat2", answered("openat2 is not supported", 1), "criu_features.openat2", False),
]  # fmt: skip


@pytest.mark.parametrize("name, section, fact, value", CASES)
def test_one_section_decides_one_fact(name: str, section: Section, fact: str, value: Any) -> None:
    facts = facts_of(sections_of(READY) | {name: section})
    attribute, _, key = fact.partition(".")
    found = getattr(facts, attribute)
    assert (found.get(key) if key else found) == value


def test_a_tar_that_is_not_gnus_does_not_count() -> None:
    assert "tar" in recorded_facts(READY).tools
    assert "tar" not in ready_but(gnu_tar=answered("", 1)).tools


def test_running_containers_are_rows_of_three_words() -> None:
    said = "counter cgroupfs runc\nold  crun\nError: no such container deadbeef\n\n"
    assert ready_but(containers=answered(said, 125)).containers == (
        RunningContainer(name="counter", cgroup_manager="cgroupfs", runtime="runc"),
        RunningContainer(name="old", cgroup_manager="", runtime="crun"),
    )


def test_configuration_is_kept_to_the_letter_in_the_order_of_reading() -> None:
    paths = [f"/etc/containers/{name}" for name in ("containers.conf", "b.conf", "a.conf")]
    texts = ["# no line's end", "[engine]\r\n", ""]
    sections = {f"file {path}": answered(text) for path, text in zip(paths, texts, strict=True)}
    unreadable = {"file /etc/containers/folder.conf": answered("head: error reading", 1)}
    facts = facts_of(sections_of(BARE) | sections | unreadable)
    # The lab's own drop-in came first.
    assert [(file.path, file.text) for file in facts.config_files[1:]] == list(
        zip(paths, texts, strict=True)
    )


@pytest.mark.parametrize(
    "name, text",
    [
        ("began", ""),
        ("ended", "yesterday"),
        ("user", "root"),
        ("staging", "many 4096"),
        ("graph-root", "20300564 x"),
        ("capabilities", "CapEff: none"),
        ("podman-info", "{"),
        ("podman-info", '{"host": 7}'),
    ],
)
def test_a_section_of_another_form_makes_the_answer_unreadable(name: str, text: str) -> None:
    with pytest.raises(UnreadableAnswer):
        facts_of(sections_of(READY) | {name: answered(text)})


@pytest.mark.parametrize(
    "asked_s, began_s, ended_s, heard_s, offset_s, error_s",
    [
        (100.0, 100.5, 101.0, 101.5, 0.0, 0.5),
        (100.0, 105.5, 106.0, 101.5, 5.0, 0.5),
        (100.0, 40.5, 41.0, 101.5, -60.0, 0.5),
        (100.0, 103.0, 103.5, 103.5, 1.5, 1.5),
        # Set while it answered, back and forth: nothing is known better than that.
        (100.0, 100.5, 90.0, 101.5, -5.5, 6.0),
        (100.0, 100.5, 110.0, 101.5, 4.5, 0.0),
    ],
)
def test_the_clock_is_known_as_well_as_the_round_trip_allows(
    asked_s: float, began_s: float, ended_s: float, heard_s: float, offset_s: float, error_s: float
) -> None:
    clocks = {"began": answered(f"{began_s}\n"), "ended": answered(f"{ended_s}\n")}
    facts = facts_of(sections_of(READY) | clocks, asked_at=asked_s, heard_at=heard_s)
    assert facts.clock_offset_s == pytest.approx(offset_s)
    assert facts.clock_error_s == pytest.approx(error_s)


@pytest.mark.parametrize("facts", [make_host(), recorded_facts(BARE)], ids=["ready", "bare"])
def test_what_is_kept_of_a_node_can_be_stored_as_json(facts: HostFacts) -> None:
    kept = facts.as_dict()
    assert json.loads(json.dumps(kept)) == kept
    assert kept["kernel"] == facts.info.kernel
    assert kept["criu_check"] == facts.criu_check
