"""What makes a host ready is planned, shown and named before anything is done."""

from __future__ import annotations

from typing import Any

import pytest

from nodes.host.containers_conf import EditRefused, read_keys
from nodes.host.facts import ConfigFile, HostFacts
from nodes.host.preparation import (
    FileEdit,
    PreparationImpossible,
    merged_edits,
    plan_preparation,
)
from nodes.host.wanted import WANTED
from tests.unit.builders import make_host
from tests.unit.probes import BARE, FAILING, OLDER, READY, recorded_facts
from tests.unit.readiness_cases import READY_TOOLS

CONF = "/etc/containers/containers.conf"
EARLY, LATE = f"{CONF}.d/10-a.conf", f"{CONF}.d/90-b.conf"
CRUN = '[engine]\nruntime = "crun"\n'
# What Podman says where it does not answer.
SILENT = {"runtime": "", "cgroup_manager": ""}
OF_CRUN = {"runtime": "crun"}


def host_of(files: dict[str, str], info: dict[str, Any] | None = None, **changes: Any) -> HostFacts:
    config = tuple(ConfigFile(path=path, text=text) for path, text in files.items())
    return make_host(info=info, config_files=config, **changes)


def test_a_ready_host_needs_nothing() -> None:
    plan = plan_preparation(make_host())
    assert plan.is_empty
    assert plan.as_dict() == {"packages": [], "commands": [], "edits": []}


@pytest.mark.parametrize(
    "info, files, keys",
    [
        # Of two files that set a key the later one decides, and is edited.
        (OF_CRUN, {CONF: CRUN}, {CONF: ["runtime"]}),
        (OF_CRUN, {CONF: "", EARLY: CRUN, LATE: ""}, {EARLY: ["runtime"]}),
        (OF_CRUN, {CONF: CRUN, EARLY: CRUN, LATE: CRUN}, {LATE: ["runtime"]}),
        (OF_CRUN, {EARLY: CRUN}, {EARLY: ["runtime"]}),
        # What nobody sets is set in the main file.
        (OF_CRUN, {EARLY: '[engine]\nevents_logger = "file"\n'}, {CONF: ["runtime"]}),
        (OF_CRUN, {}, {CONF: ["runtime"]}),
        ({"runtime": "crun", "cgroup_manager": "systemd"}, {}, {CONF: [*WANTED]}),
        # Each key where it is set.
        ({"runtime": "crun", "cgroup_manager": "systemd"},
         {CONF: '[engine]\ncgroup_manager = "systemd"\n', LATE: CRUN},
         {LATE: ["runtime"], CONF: ["cgroup_manager"]}),
        # What Podman says counts more than the files.
        ({}, {CONF: CRUN}, {}),
        # A Podman that is silent leaves only the files.
        (SILENT, {}, {CONF: [*WANTED]}),
        (SILENT, {CONF: '[engine]\nruntime = "runc"\n'}, {CONF: ["cgroup_manager"]}),
        (SILENT, {CONF: '[engine]\nruntime = "runc"\n', LATE: CRUN},
         {LATE: ["runtime"], CONF: ["cgroup_manager"]}),
        (SILENT, {CONF: CRUN, LATE: '[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\n'},
         {}),
    ],
)  # fmt: skip
def test_a_key_is_set_in_the_file_that_decides(
    info: dict[str, str], files: dict[str, str], keys: dict[str, list[str]]
) -> None:
    plan = plan_preparation(host_of(files, info))
    assert plan.keys == keys
    for edit in plan.edits:
        after = read_keys(edit.after or "")
        assert {key: after[key] for key in keys[edit.path]} == {
            key: WANTED[key] for key in keys[edit.path]
        }


def test_a_new_file_says_who_made_it_and_why() -> None:
    (edit,) = plan_preparation(host_of({}, SILENT)).edits
    assert edit.before is None
    assert edit.after == (
        "# Made by Ferry: what CRIU needs of Podman. See containers.conf(5).\n"
        '\n[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\n'
    )
    assert edit.previous == {"runtime": None, "cgroup_manager": None}


def test_an_edit_knows_what_it_changes() -> None:
    info = {"runtime": "crun", "cgroup_manager": "systemd"}
    (edit,) = plan_preparation(host_of({CONF: f"# mine\n{CRUN}"}, info)).edits
    assert edit.summary == "runtime crun → runc, cgroup_manager unset → cgroupfs"
    assert edit.previous == {"runtime": "crun", "cgroup_manager": None}
    assert edit.diff.splitlines() == [
        f"--- {CONF}",
        f"+++ {CONF}",
        "@@ -1,3 +1,4 @@",
        " # mine",
        " [engine]",
        '-runtime = "crun"',
        '+runtime = "runc"',
        '+cgroup_manager = "cgroupfs"',
    ]


@pytest.mark.parametrize(
    "before, after, head",
    [
        (None, CRUN, ["--- /dev/null", f"+++ {CONF}", "@@ -0,0 +1,2 @@"]),
        (CRUN, None, [f"--- {CONF}", "+++ /dev/null", "@@ -1,2 +0,0 @@"]),
        (CRUN, CRUN, []),
    ],
)
def test_a_file_that_comes_or_goes_is_shown_as_diff_does(
    before: str | None, after: str | None, head: list[str]
) -> None:
    assert FileEdit(path=CONF, before=before, after=after).diff.splitlines()[:3] == head


def test_the_summary_tells_nothing_of_other_keys() -> None:
    secret = '[engine]\nruntime = "crun"\nsecret = "{}"\n'
    edit = FileEdit(path=CONF, before=secret.format("a"), after=secret.format("b"))
    assert edit.summary == ""


DIGESTED = [
    {},
    {"tools": READY_TOOLS - {"criu"}},
    {"tools": READY_TOOLS - {"runc"}},
    {"tools": READY_TOOLS - {"criu", "apt-get"} | {"dnf"}},
    {"info": OF_CRUN},
    {"info": {"cgroup_manager": "systemd"}},
    {"info": OF_CRUN, "files": {CONF: CRUN}},
    {"info": OF_CRUN, "files": {CONF: f"# mine\n{CRUN}"}},
    {"info": OF_CRUN, "files": {LATE: CRUN}},
]


def test_the_digest_names_exactly_one_plan() -> None:
    plans = [plan_preparation(host_of(**{"files": {}, **changes})) for changes in DIGESTED]
    again = [plan_preparation(host_of(**{"files": {}, **changes})) for changes in DIGESTED]
    assert len({plan.digest for plan in plans}) == len(DIGESTED)
    assert [plan.digest for plan in plans] == [plan.digest for plan in again]


def test_the_digest_does_not_tell_what_needs_no_change() -> None:
    """A host that fills its disk while somebody reads the plan still needs the same."""
    busy = make_host(info=OF_CRUN, staging_free_bytes=7, clock_offset_s=3.0)
    assert plan_preparation(busy).digest == plan_preparation(make_host(info=OF_CRUN)).digest


def test_what_a_package_brought_is_merged_into_not_overwritten() -> None:
    plan = plan_preparation(host_of({}, SILENT))
    brought = host_of({CONF: "# from the package\n[engine]\nnum_locks = 1\n"}, SILENT)
    (edit,) = merged_edits(brought, plan.keys)
    assert edit.before == "# from the package\n[engine]\nnum_locks = 1\n"
    assert edit.after == (
        "# from the package\n[engine]\nnum_locks = 1\n"
        'runtime = "runc"\ncgroup_manager = "cgroupfs"\n'
    )


def test_a_file_that_came_and_cannot_be_read_is_refused() -> None:
    with pytest.raises(EditRefused):
        merged_edits(host_of({CONF: "[engine"}), {CONF: ["runtime"]})


@pytest.mark.parametrize(
    "facts, why",
    [
        (make_host(uid=1000), "no root rights"),
        (make_host(info={"rootless": True}), "no root rights"),
        (make_host(tools=READY_TOOLS - {"apt-get", "criu", "tar"}),
         "neither apt-get nor dnf: install by hand criu, tar"),
        (host_of({CONF: "[[engine]]\n"}), "[engine] is not a table"),
        (host_of({CONF: "", LATE: "# \ufffd"}), "not UTF-8"),
    ],
)  # fmt: skip
def test_a_host_that_cannot_be_prepared_says_why(facts: HostFacts, why: str) -> None:
    with pytest.raises(PreparationImpossible) as caught:
        plan_preparation(facts)
    assert why in str(caught.value)


def test_a_ready_host_needs_no_package_manager() -> None:
    assert plan_preparation(make_host(tools=READY_TOOLS - {"apt-get"})).is_empty


@pytest.mark.parametrize(
    "name, packages, summaries",
    [
        (READY, (), []),
        (OLDER, (), ["runtime crun → runc, cgroup_manager systemd → cgroupfs"]),
        (FAILING, (), ["runtime crun → runc, cgroup_manager systemd → cgroupfs"]),
        (BARE, ("podman", "criu", "runc", "iptables"),
         ["runtime unset → runc, cgroup_manager unset → cgroupfs"]),
    ],
)  # fmt: skip
def test_a_recorded_host_is_planned(
    name: str, packages: tuple[str, ...], summaries: list[str]
) -> None:
    plan = plan_preparation(recorded_facts(name))
    assert plan.packages == packages
    assert [edit.summary for edit in plan.edits] == summaries
