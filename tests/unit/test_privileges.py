"""What an archive would get on a node beyond an ordinary container is named, and how bad it is."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodes.podman.privileges import Privilege, privileges_of
from tests.unit.plain_container import (
    CONTAINER_ID,
    USERDATA,
    plain_config,
    plain_spec,
    set_in,
    told,
    with_spec,
)

OTHER_ID = "f" * 64
CLEANUP = [
    *("/usr/bin/podman", "--root", "/var/lib/containers/storage"),
    *("--runroot", "/run/containers/storage", "--log-level", "warning"),
    *("--cgroup-manager", "systemd", "--tmpdir", "/run/libpod", "--network-config-dir", ""),
    *("--network-backend", "netavark", "--transient-store=false", "--runtime", "crun"),
    *("--storage-driver", "overlay", "--storage-opt", "overlay.mountopt=nodev,metacopy=on"),
    *("--events-backend", "journald", "container", "cleanup", CONTAINER_ID),
]


def with_config(path: str, value: Any) -> list[tuple[str, str, str]]:
    return told(plain_spec(), set_in(plain_config(), path, value))


def test_a_plain_container_has_none() -> None:
    assert privileges_of(plain_spec(), plain_config()) == []


@pytest.mark.parametrize(
    "path, value",
    [
        ("exitCommand", CLEANUP),
        ("exitCommand", [*CLEANUP, "--rm"]),
        ("runtime", "crun"),
        ("networkMode", "slirp4netns"),
        ("healthLogDestination", "events_logger"),
        ("labels", {"PODMAN_SYSTEMD_UNIT": "/a"}),
        ("entrypoint", ["/bin/sh"]),
        ("storageOpts", {"size": "10G"}),
        ("cgroupParent", "machine.slice"),
        ("cgroupParent", f"/libpod_parent/libpod_pod_{OTHER_ID}"),
        ("namedVolumes", [{"volumeName": "counter-data", "dest": "/data", "options": ["U"]}]),
    ],
)
def test_what_is_ordinary_of_a_configuration_is_no_privilege(path: str, value: Any) -> None:
    assert with_config(path, value) == []


@pytest.mark.parametrize(
    "path, value, expected",
    [
        ("runtime", "/tmp/evil", [("runtime", "/tmp/evil", "refused")]),
        ("runtime", "kata", [("runtime", "kata", "refused")]),
        ("exitCommand", ["/bin/sh", "-c", "id"], [("exit-command", "/bin/sh -c id", "refused")]),
        ("rootfs", "/", [("rootfs", "/", "refused")]),
        ("logPath", "/etc/cron.d/x", [("log-path", "logPath /etc/cron.d/x", "refused")]),
        ("staticDir", "/etc", [("path", "staticDir /etc", "refused")]),
        ("mounts", ["/home"], [("path", "mounts /home", "refused")]),
        ("ShmDir", "/root", [("path", "ShmDir /root", "refused")]),
        ("pid_file", "/etc/passwd", [("path", "pid_file /etc/passwd", "refused")]),
        (
            "conmonPidFile",
            "/run/container-a.pid",
            [("path", "conmonPidFile /run/container-a.pid", "high")],
        ),
        (
            "secretsPath",
            f"{USERDATA.replace('/var/lib', '/srv')}/secrets",
            [("path", f"secretsPath {USERDATA.replace('/var/lib', '/srv')}/secrets", "medium")],
        ),
        (
            "logPath",
            f"{USERDATA}/../../../../../etc/x",
            [("log-path", f"logPath {USERDATA}/../../../../../etc/x", "refused")],
        ),
        (
            "logPath",
            USERDATA.replace(CONTAINER_ID, OTHER_ID),
            [("log-path", f"logPath {USERDATA.replace(CONTAINER_ID, OTHER_ID)}", "refused")],
        ),
        ("healthLogDestination", "/etc", [("path", "healthLogDestination /etc", "high")]),
        ("secrets", [{"name": "token"}], [("secret", "token", "high")]),
        ("secret_env", {"TOKEN": {}}, [("secret", "in the variable TOKEN", "high")]),
        ("cdiDevices", ["nvidia.com/gpu=all"], [("device", "nvidia.com/gpu=all", "high")]),
        ("netNsCtr", OTHER_ID, [("namespace", f"netNsCtr {OTHER_ID}", "high")]),
        ("networkMode", "ns:/a", [("namespace", "network mode ns:/a", "high")]),
        ("privileged", True, [("privileged", "--privileged", "high")]),
        ("timezone", "../../../etc/shadow", [("path", "timezone ../../../etc/shadow", "high")]),
        ("newOption", {"a": [{"b": "/etc/x"}]}, [("path", "newOption /etc/x", "high")]),
        (
            "overlayVolumes",
            [{"source": "/srv/data", "dest": "/data"}],
            [("bind", "/srv/data → /data (an overlay over it)", "medium")],
        ),
        (
            "overlayVolumes",
            [{"source": "/srv/a", "dest": "/a", "options": ["upperdir=/etc"]}],
            [
                ("bind", "/etc → /a (upperdir)", "high"),
                ("bind", "/srv/a → /a (an overlay over it)", "medium"),
            ],
        ),
        (
            "namedVolumes",
            [
                {
                    "volumeName": "counter-data",
                    "dest": "/data",
                    "options": ["O", "upperdir=/etc", "workdir=/srv/../etc"],
                }
            ],
            [
                ("bind", "/srv/../etc → /data (workdir)", "refused"),
                ("bind", "/etc → /data (upperdir)", "high"),
            ],
        ),
        (
            "ctrImageVolumes",
            [{"source": "localhost/secret", "dest": "/x"}],
            [("image", "localhost/secret → /x", "medium")],
        ),
        ("cgroupParent", "/system.slice", [("cgroup", "/system.slice", "medium")]),
        ("cgroupsMode", "disabled", [("cgroup", "cgroups disabled", "medium")]),
        (
            "device_host_src",
            [{"path": "/dev/kvm", "type": "c"}],
            [("device", "/dev/kvm of the node", "medium")],
        ),
        (
            "logPath",
            f"{USERDATA}/config.json",
            [
                ("log-path", f"logPath {USERDATA}/config.json", "refused"),
            ],
        ),
        ("pid_file", f"{USERDATA}/ctr.log", [("path", f"pid_file {USERDATA}/ctr.log", "refused")]),
        ("mountAllDevices", True, [("setting", "mountAllDevices", "medium")]),
        ("ofTomorrow", {"a": 1}, [("setting", "ofTomorrow", "medium")]),
        (
            "storageOpts",
            {"overlay.mount_program": "x"},
            [
                ("setting", "storageOpts: overlay.mount_program", "medium"),
            ],
        ),
    ],
)
def test_what_a_configuration_grants_is_told(
    path: str, value: Any, expected: list[tuple[str, str, str]]
) -> None:
    assert with_config(path, value) == expected


@pytest.mark.parametrize(
    "change",
    [
        ["/tmp/podman", *CLEANUP[1:]],
        [*CLEANUP, "--hooks-dir=/tmp"],
        [*CLEANUP, "--hooks-dir", "/tmp"],
        [argument if argument != "crun" else "/tmp/evil" for argument in CLEANUP],
        [*CLEANUP[:-3], "exec", CONTAINER_ID],
        [*CLEANUP, "--storage-opt", "overlay.mount_program=x"],
        [*CLEANUP, "--storage-opt=overlay.mount_program=x"],
        [*CLEANUP, "--runtime=/var/lib/containers/storage"],
        [*CLEANUP, "--runtime", "/var/lib/containers/storage"],
        [*CLEANUP, "--root", "/var/lib/containers/storage/volumes/mine/_data"],
        [*CLEANUP, "--tmpdir", "/var/lib/containers/storage/overlay/mine/diff"],
        [*CLEANUP, "/var/lib/containers/../../../etc"],
    ],
)
def test_no_other_command_runs_when_a_container_ends(change: list[str]) -> None:
    ((kind, _, risk),) = with_config("exitCommand", change)

    assert (kind, risk) == ("exit-command", "refused")


@pytest.mark.parametrize("document", [None, [], "text", 5, True])
def test_what_is_no_document_is_refused(document: Any) -> None:
    assert ("unreadable", "spec.dump should be an object", "refused") in told(
        document, plain_config()
    )
    assert ("unreadable", "config.dump should be an object", "refused") in told(
        plain_spec(), document
    )


@pytest.mark.parametrize(
    "path, value, what",
    [
        ("hooks", [], "spec.dump: hooks should be an object"),
        ("hooks", {"prestart": {}}, "spec.dump: hooks: prestart should be a list"),
        ("process.capabilities.effective", [5], "effective should be a text"),
        ("mounts", {}, "spec.dump: mounts should be a list"),
        ("linux.namespaces", ["pid"], "namespaces should be an object"),
        ("linux.resources.devices", [{"allow": "yes"}], "allow should be true or false"),
        ("Hooks", {"prestart": []}, "spec.dump: hooks is spelled otherwise"),
        ("hoo\u212as", {"prestart": []}, "spec.dump: hooks is spelled otherwise"),
    ],
)
def test_what_is_not_understood_is_refused(path: str, value: Any, what: str) -> None:
    ((kind, found, risk),) = [one for one in with_spec(path, value) if one[0] == "unreadable"]

    assert (kind, risk) == ("unreadable", "refused")
    assert found.endswith(what)


def test_the_worst_comes_first_and_nothing_comes_twice() -> None:
    spec = set_in(plain_spec(), "process.oomScoreAdj", -1)
    spec["hooks"] = {"prestart": [{"path": "/a"}, {"path": "/a"}]}
    spec["linux"].pop("seccomp")

    assert [risk for _, _, risk in told(spec, plain_config())] == ["refused", "high", "medium"]


@pytest.mark.parametrize("is_first", [True, False])
def test_what_looks_like_a_lesser_one_does_not_hide_the_worse(is_first: bool) -> None:
    long = "/srv/" + "a" * 400
    paths = [f"{long}/b", f"{long}/../../etc"]
    mounts = [
        {"destination": "/x", "type": "bind", "source": path, "options": []}
        for path in (paths if is_first else reversed(paths))
    ]

    found = with_spec("mounts", [*plain_spec()["mounts"], *mounts])

    assert [risk for _, _, risk in found] == ["refused", "medium"]


def test_of_one_privilege_the_worst_risk_is_told() -> None:
    more = [Privilege(kind="a", what="b", why="c.", risk=risk) for risk in ("medium", "refused")]

    (found,) = privileges_of(plain_spec(), plain_config(), None, more)

    assert found["risk"] == "refused"


def test_there_is_an_end_to_them() -> None:
    spec = set_in(plain_spec(), "hooks", {"prestart": [{"path": f"/{n}"} for n in range(9000)]})

    assert len(privileges_of(spec, plain_config())) <= 501


def test_a_text_that_never_ends_is_cut() -> None:
    ((_, what, _),) = with_config("runtime", "x" * 10_000)

    assert len(what) == 301


_KEYS = st.sampled_from(
    sorted({*plain_config(), *plain_spec(), *plain_spec()["linux"], *plain_spec()["process"]})
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda parts: st.lists(parts, max_size=3) | st.dictionaries(_KEYS, parts, max_size=4),
    max_leaves=20,
)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(spec=_JSON, config=_JSON, key=_KEYS)
def test_any_document_is_judged(spec: Any, config: Any, key: str) -> None:
    for one in (
        *privileges_of(spec, config),
        *privileges_of(plain_spec() | {key: spec}, plain_config() | {key: config}),
    ):
        assert one["risk"] in ("refused", "high", "medium")
        assert one["kind"]
        assert one["why"].endswith(".")
