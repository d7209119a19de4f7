"""What the runtime's specification in an archive grants beyond an ordinary container is named."""

from __future__ import annotations

from typing import Any

import pytest

from nodes.podman.privileges import privileges_of
from tests.unit.plain_container import (
    CAPABILITIES,
    CONTAINER_ID,
    USERDATA,
    plain_config,
    plain_spec,
    set_in,
    with_spec,
)

OTHER_ID = "f" * 64


def with_mount(type_: str, source: str, *options: str) -> list[tuple[str, str, str]]:
    mount = {"destination": "/x", "type": type_, "source": source, "options": list(options)}
    return with_spec("mounts", [*plain_spec()["mounts"], mount])


@pytest.mark.parametrize(
    "mount",
    [
        ("tmpfs", "tmpfs", "rw", "size=64m"),
        ("bind", "/usr/libexec/podman/catatonit", "bind", "ro"),
        ("bind", f"{USERDATA}/secrets/a", "bind", "rprivate"),
    ],
)
def test_what_podman_mounts_itself_is_no_privilege(mount: tuple[str, ...]) -> None:
    destination = "/run/podman-init" if "catatonit" in mount[1] else "/x"
    type_, source, *options = mount
    added = {"destination": destination, "type": type_, "source": source, "options": options}

    assert with_spec("mounts", [*plain_spec()["mounts"], added]) == []


@pytest.mark.parametrize(
    "path, value, expected",
    [
        (
            "hooks",
            {"prestart": [{"path": "/bin/evil"}], "poststop": [{"path": "/b"}]},
            [("hook", "prestart: /bin/evil", "refused"), ("hook", "poststop: /b", "refused")],
        ),
        ("root", {"path": "/"}, [("rootfs", "/", "refused")]),
        ("root", {"path": "/home/a/../../etc"}, [("rootfs", "/home/a/../../etc", "refused")]),
        (
            "annotations.org.criu.config",
            "/tmp/criu.conf",
            [("annotation", "org.criu.config=/tmp/criu.conf", "refused")],
        ),
        (
            "annotations.run.oci.hooks.stdout",
            "/etc/x",
            [("annotation", "run.oci.hooks.stdout=/etc/x", "high")],
        ),
        (
            "annotations.io.podman.annotations.cid-file",
            "/etc/x",
            [("annotation", "io.podman.annotations.cid-file=/etc/x", "high")],
        ),
        (
            "annotations.org.systemd.property.DeviceAllow",
            "x",
            [("annotation", "org.systemd.property.DeviceAllow=x", "medium")],
        ),
        (
            "annotations.io.podman.annotations.label",
            "disable",
            [("selinux", "io.podman.annotations.label=disable", "medium")],
        ),
        ("linux.seccomp", None, [("seccomp", "unconfined", "high")]),
        (
            "linux.seccomp",
            {"defaultAction": "SCMP_ACT_ALLOW"},
            [("seccomp", "default action SCMP_ACT_ALLOW", "high")],
        ),
        (
            "linux.seccomp.listenerPath",
            "/run/a",
            [("seccomp", "listener /run/a", "high")],
        ),
        (
            "linux.devices",
            [
                {"path": "/dev/sda", "type": "b", "major": 8, "minor": 0},
                {"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229},
                {"path": "/dev/mem", "type": "c", "major": 1, "minor": 1},
            ],
            [
                ("device", "/dev/sda (b 8:0)", "high"),
                ("device", "/dev/mem (c 1:1)", "high"),
                ("device", "/dev/fuse (c 10:229)", "medium"),
            ],
        ),
        (
            "linux.resources.devices",
            [{"allow": True, "access": "rwm"}],
            [("device-rule", "a *:* rwm", "high")],
        ),
        (
            "linux.resources.devices",
            [{"allow": True, "type": "c", "major": 10, "minor": 229, "access": "rw"}],
            [("device-rule", "c 10:229 rw", "medium")],
        ),
        ("linux.readonlyPaths", ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys"], [
            ("readonly-path", "/proc/sysrq-trigger", "high"),
        ]),
        ("linux.sysctl", {"net.core.somaxconn": "9"}, [
            ("sysctl", "net.core.somaxconn=9", "medium"),
        ]),
        ("linux.sysctl", {"kernel.core_pattern": "|/evil"}, [
            ("sysctl", "kernel.core_pattern=|/evil", "high"),
        ]),
        ("linux.rootfsPropagation", "rshared", [("mount", "/ with shared propagation", "high")]),
        ("linux.cgroupsPath", "/system.slice", [("cgroup", "/system.slice", "medium")]),
        ("process.apparmorProfile", "unconfined", [("apparmor", "unconfined", "medium")]),
        (
            "process.selinuxLabel",
            "system_u:system_r:spc_t:s0",
            [("selinux", "system_u:system_r:spc_t:s0", "medium")],
        ),
        ("process.oomScoreAdj", -500, [("oom-score", "-500", "medium")]),
        ("linux.netDevices", {"eth1": {}}, [("device", "network device eth1", "high")]),
        ("linux.intelRdt", {"closID": "a"}, [("setting", "linux: intelRdt", "medium")]),
        ("linux.resources.unified", {"a": "b"}, [
            ("setting", "linux.resources: unified", "medium"),
        ]),
        ("vm", {"hypervisor": 1}, [("setting", "vm", "medium")]),
        ("process.execCPUAffinity", {"initial": "0"}, [
            ("setting", "process: execCPUAffinity", "medium"),
        ]),
        ("linux.seccomp.syscalls", [{"names": ["mount", "read"], "action": "SCMP_ACT_ALLOW"}], []),
        ("linux.seccomp.syscalls", [{"names": ["bpf"], "action": "SCMP_ACT_ERRNO"}], []),
        (
            "linux.seccomp.syscalls",
            [
                {"names": ["read", "bpf"], "action": "SCMP_ACT_ALLOW"},
                {"names": ["init_module", "kexec_load"], "action": "SCMP_ACT_LOG"},
            ],
            [("seccomp", "allows bpf, init_module, kexec_load", "high")],
        ),
        (
            "linux.namespaces",
            [*plain_spec()["linux"]["namespaces"], {"type": "pid", "path": "/proc/1/ns/pid"}],
            [
                ("namespace", "two pid namespaces", "refused"),
                ("namespace", "pid namespace /proc/1/ns/pid", "high"),
            ],
        ),
    ],
)  # fmt: skip
def test_what_a_specification_grants_is_told(
    path: str, value: Any, expected: list[tuple[str, str, str]]
) -> None:
    assert with_spec(path, value) == expected


@pytest.mark.parametrize(
    "mount, expected",
    [
        (("bind", "/srv/data", "rbind"), ("bind", "/srv/data → /x (writable)", "medium")),
        (("bind", "/", "rbind"), ("bind", "/ → /x (writable)", "high")),
        (("none", "/etc/ssh", "bind", "ro"), ("bind", "/etc/ssh → /x (read-only)", "high")),
        (("bind", "/srv/a.sock"), ("bind", "/srv/a.sock → /x (writable)", "high")),
        (("bind", "/srv/../etc"), ("bind", "/srv/../etc → /x (writable)", "refused")),
        (("bind", "../../etc"), ("bind", "../../etc → /x (writable)", "refused")),
        (("bind", ""), ("bind", " → /x (writable)", "refused")),
        (
            ("bind", USERDATA.replace(CONTAINER_ID, OTHER_ID)),
            ("bind", f"{USERDATA.replace(CONTAINER_ID, OTHER_ID)} → /x (writable)", "high"),
        ),
        (
            ("bind", "/var/lib/containers/storage/volumes/others/_data"),
            ("bind", "/var/lib/containers/storage/volumes/others/_data → /x (writable)", "high"),
        ),
        (("ext4", "/dev/sda1"), ("mount", "ext4 /dev/sda1 → /x", "high")),
        (("bind", USERDATA, "bind"), ("bind", f"{USERDATA} → /x (writable)", "high")),
        (
            ("bind", f"{USERDATA}/config.json", "ro"),
            ("bind", f"{USERDATA}/config.json → /x (read-only)", "high"),
        ),
        (("bind", "/srv/a", "ro", "rw"), ("bind", "/srv/a → /x (writable)", "medium")),
        (("bind", "/var", "rbind"), ("bind", "/var → /x (writable)", "high")),
        (("bind", "/sysroot", "rbind"), ("bind", "/sysroot → /x (writable)", "high")),
        (("proc", "proc"), ("mount", "/x (proc)", "high")),
        (("sysfs", "sysfs", "ro"), ("mount", "/x (sysfs)", "medium")),
        (("sysfs", "sysfs", "ro", "rw"), ("mount", "/x (sysfs, writable)", "high")),
        (("cgroup", "cgroup", "ro", "rw"), ("mount", "/x (cgroups, writable)", "medium")),
        (("sysfs", "sysfs", "rw"), ("mount", "/x (sysfs, writable)", "high")),
        (("cgroup", "cgroup", "rw"), ("mount", "/x (cgroups, writable)", "medium")),
        (
            ("overlay", "overlay", "lowerdir=/etc"),
            ("bind", "/etc → /x (lowerdir)", "high"),
        ),
        (
            ("bind", f"{USERDATA}/hosts", "bind", "rshared"),
            ("mount", "/x with shared propagation", "high"),
        ),
    ],
)
def test_what_is_mounted_of_the_node_is_told(
    mount: tuple[str, ...], expected: tuple[str, str, str]
) -> None:
    assert with_mount(*mount) == [expected]


@pytest.mark.parametrize(
    "name, risk",
    [
        *(("mount", "high"), ("pid", "high"), ("network", "high")),
        *(("ipc", "medium"), ("uts", "medium"), ("cgroup", "medium")),
    ],
)
def test_namespaces_of_the_node_are_told(name: str, risk: str) -> None:
    namespaces = plain_spec()["linux"]["namespaces"]
    own = [each for each in namespaces if each["type"] != name]
    others = {"type": name, "path": f"/proc/1/ns/{name}"}

    assert with_spec("linux.namespaces", own) == [
        ("namespace", f"{name} namespace of the node", risk)
    ]
    assert with_spec("linux.namespaces", [*own, others]) == [
        ("namespace", f"{name} namespace /proc/1/ns/{name}", "high")
    ]


@pytest.mark.parametrize("name", ["bounding", "effective", "permitted", "inheritable", "ambient"])
def test_capabilities_beyond_the_usual_are_named_with_what_they_allow(name: str) -> None:
    more = [*CAPABILITIES, "CAP_NET_RAW", "CAP_SYS_MODULE", "CAP_OF_TOMORROW"]
    spec = set_in(plain_spec(), f"process.capabilities.{name}", more)

    found = privileges_of(spec, plain_config())

    assert [(one["what"], one["risk"]) for one in found] == [
        ("CAP_OF_TOMORROW", "high"),
        ("CAP_SYS_MODULE", "high"),
        ("CAP_NET_RAW", "medium"),
    ]
    assert "kernel modules" in found[1]["why"]


def test_a_system_call_goes_with_its_capability() -> None:
    spec = set_in(plain_spec(), "process.capabilities.bounding", [*CAPABILITIES, "CAP_BPF"])
    rules = [{"names": ["bpf"], "action": "SCMP_ACT_ALLOW"}]

    found = privileges_of(set_in(spec, "linux.seccomp.syscalls", rules), plain_config())

    assert [one["what"] for one in found] == ["CAP_BPF"]
