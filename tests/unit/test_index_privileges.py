"""What CRIU's images and the tars of an archive would do beyond its documents is told."""

from __future__ import annotations

import io
import struct

import pytest

from nodes.catalog.errors import ArchiveUnreadable
from nodes.catalog.index import read_contents
from nodes.catalog.index_links import Links
from nodes.catalog.members import Limits
from tests.unit.archives import Checkpoint
from tests.unit.criu_images import (
    ALLOW_ALL,
    DENY_ALL,
    NAMESPACES,
    NODE_NAMESPACES,
    Program,
    Value,
    image,
    message,
)
from tests.unit.tar_blocks import END, long_name, member

Told = list[tuple[str, str, str]]
PROC_SYS: dict[int, Value] = {1: 1, 5: 0x20000F, 6: "/sys", 7: "/proc/sys", 8: "proc"}
ROOT: dict[int, Value] = {1: 17, 5: 0, 6: "/", 7: "/", 8: "overlay"}
HOSTS: dict[int, Value] = {1: 5, 5: 0, 6: "/userdata/hosts", 7: "/etc/hosts", 18: "/etc/hosts"}
KCORE: dict[int, Value] = {1: 5, 5: 2, 6: "/null", 7: "/proc/kcore", 8: "tmpfs", 18: "/dev/null"}
ACPI: dict[int, Value] = {1: 5, 5: 1, 6: "/", 7: "/proc/acpi", 8: "tmpfs"}
ORDINARY = [KCORE, ACPI, PROC_SYS, HOSTS, ROOT]


def told(checkpoint: Checkpoint) -> Told:
    contents = read_contents(io.BytesIO(checkpoint.pack("none")), Limits.for_uploads())
    return [(one["kind"], one["what"], one["risk"]) for one in contents.sections["privileges"]]


def with_image(name: str, data: bytes) -> Told:
    return told(Checkpoint(members={f"checkpoint/{name}.img": data}))


def with_mount(fields: dict[int, Value]) -> Told:
    mounts = [fields, *(each for each in ORDINARY if each[7] != fields[7])]
    return with_image("mountpoints-13", image("mountpoints", *mounts))


def with_tar(
    *members: bytes, name: str = "rootfs-diff.tar", deleted: list[str] | None = None
) -> Told:
    return told(Checkpoint(members={name: b"".join(members) + END}, deleted=deleted or []))


def filters(*programs: bytes) -> bytes:
    return image("seccomp", {1: [message({1: program}) for program in programs]})


def link(name: bytes, target: bytes, kind: bytes = b"2") -> bytes:
    return member(name, kind=kind, target=target)


def test_an_ordinary_checkpoint_has_none() -> None:
    threads = Program(threads={2: "io"}, capabilities=1 << 0 | 1 << 5)
    ended = Program(pid=7, ppid=1, state=6, seccomp_mode=0)

    assert told(Checkpoint(programs=[threads, ended])) == []
    assert with_image("mountpoints-13", image("mountpoints", *ORDINARY)) == []


@pytest.mark.parametrize(
    "program, expected",
    [
        (
            Program(capabilities=1 << 21 | 1 << 40 | 1 << 45),
            [
                ("capability", "CAP_SYS_ADMIN of a process", "high"),
                ("capability", "CAP_CHECKPOINT_RESTORE of a process", "high"),
                ("capability", "CAP_number 45 of a process", "high"),
            ],
        ),
        # An ordinary one, but not of this container.
        (Program(capabilities=1 << 18), [("capability", "CAP_SYS_CHROOT of a process", "medium")]),
        (
            Program(seccomp_mode=0),
            [("seccomp", "a process without a seccomp filter", "high")],
        ),
        (
            Program(seccomp_mode=1),
            [("seccomp", "a process without a seccomp filter", "high")],
        ),
    ],
)
def test_what_a_process_would_have_beyond_the_specification_is_told(
    program: Program, expected: Told
) -> None:
    assert told(Checkpoint(programs=[Program(), program_of(program, 7)])) == expected


def program_of(program: Program, pid: int) -> Program:
    return Program(
        pid=pid, ppid=1, capabilities=program.capabilities, seccomp_mode=program.seccomp_mode
    )


@pytest.mark.parametrize("number", [9, 10, 11, 12, 19])
def test_a_capability_of_any_set_of_any_thread_is_told(number: int) -> None:
    creds = message({1: 0, number: [1 << 16, 0]})
    thread = image("core", {1: 1, 5: message({1: 0, 2: 0, 10: creds, 11: 2, 12: 0})})
    packed = Checkpoint(
        programs=[Program(threads={2: "io"})], members={"checkpoint/core-2.img": thread}
    )

    assert told(packed) == [("capability", "CAP_SYS_MODULE of a process", "high")]


def process(**fields: object) -> dict[str, object]:
    return {"process": {**Checkpoint()._spec()["process"], **fields}}


@pytest.mark.parametrize(
    "spec, creds, expected",
    [
        (
            {"noNewPrivileges": True},
            {},
            [("no-new-privileges", "a process without it", "medium")],
        ),
        ({"noNewPrivileges": True}, {18: 1}, []),
        ({"apparmorProfile": "own"}, {15: "apparmor:own"}, []),
        (
            {"apparmorProfile": "own"},
            {15: "apparmor:unconfined"},
            [("apparmor", "a process under apparmor:unconfined", "medium")],
        ),
        ({"apparmorProfile": "own"}, {}, [("apparmor", "a process under none", "medium")]),
        (
            {"selinuxLabel": "system_u:system_r:container_t:s0:c1,c2"},
            {15: "selinux:system_u:system_r:spc_t:s0"},
            [("selinux", "a process under selinux:system_u:system_r:spc_t:s0", "medium")],
        ),
    ],
)
def test_a_process_less_confined_than_the_specification_says_is_told(
    spec: dict[str, object], creds: dict[int, Value], expected: Told
) -> None:
    checkpoint = Checkpoint(programs=[Program(creds=creds)], spec=process(**spec))

    assert told(checkpoint) == expected


ALLOWS = [
    ("seccomp", f"a process whose filter allows {name}", "high")
    for name in ("bpf", "init_module", "kexec_load")
]


def instruction(code: int, if_true: int, if_false: int, value: int) -> bytes:
    return struct.pack("<HBBI", code, if_true, if_false, value)


# Denies call 321 of x86-64, which is bpf, and allows all others.
ONLY_BPF = (
    instruction(0x20, 0, 0, 4)
    + instruction(0x15, 0, 3, 0xC000003E)
    + instruction(0x20, 0, 0, 0)
    + instruction(0x15, 0, 1, 321)
    + instruction(0x06, 0, 0, 0x50001)
    + instruction(0x06, 0, 0, 0x7FFF0000)
)
# All after a jump over the verdict that denies.
UNREACHABLE = instruction(0x05, 0, 0, 1) + DENY_ALL + ALLOW_ALL


@pytest.mark.parametrize(
    "program", [ALLOW_ALL, UNREACHABLE, ONLY_BPF, b"", DENY_ALL[:7], bytes(8), DENY_ALL * 4097]
)
def test_a_filter_that_is_not_the_profile_is_told(program: bytes) -> None:
    assert with_image("seccomp", filters(program)) == ALLOWS


def test_a_filter_before_it_holds_as_well() -> None:
    both = [message({1: ALLOW_ALL, 2: 1}), message({1: DENY_ALL})]

    assert with_image("seccomp", image("seccomp", {1: both})) == []
    assert with_image("seccomp", image("seccomp", {1: [message({1: ALLOW_ALL, 2: 0})]})) == ALLOWS


@pytest.mark.parametrize("name", ["core-1", "ids-1", "seccomp", "inventory", "pstree"])
def test_what_decides_and_cannot_be_read_is_refused(name: str) -> None:
    found = with_image(name, b"\x19CTV" + b"\xff" * 64)

    assert ("unreadable", "refused") in [(kind, risk) for kind, _, risk in found]
    assert any(what.startswith(f"checkpoint/{name}.img: ") for _, what, _ in found)


def test_mounts_that_cannot_be_read_are_refused() -> None:
    ((kind, what, risk),) = with_image("mountpoints-13", bytes(64))

    assert (kind, risk) == ("unreadable", "refused")
    assert what.startswith("checkpoint/mountpoints-13.img: magic number")


@pytest.mark.parametrize("count, length", [(4097, 1), (3000, 4000)])
def test_more_mounts_than_can_be_judged_are_refused(count: int, length: int) -> None:
    mounts = [{**ROOT, 8: "x" * length}] * count

    found = with_image("mountpoints-13", image("mountpoints", *mounts))

    assert ("unreadable", "there are too many mounts", "refused") in found


@pytest.mark.parametrize(
    "field, name, risk",
    [
        *((5, "pid", "high"), (6, "network", "high"), (9, "mount", "high")),
        *((7, "ipc", "medium"), (8, "uts", "medium"), (11, "cgroup", "medium")),
    ],
)
def test_a_namespace_of_the_node_in_the_images_is_told(field: int, name: str, risk: str) -> None:
    ids = image("ids", {1: 1, 2: 2, **NAMESPACES, field: NODE_NAMESPACES[field]})

    assert with_image("ids-1", ids) == [("namespace", f"{name} namespace of the node", risk)]


def test_an_inventory_without_the_namespaces_of_the_node_is_refused() -> None:
    ((_, what, risk),) = with_image("inventory", image("inventory", {1: 2}))

    assert risk == "refused"
    assert "does not tell the namespaces of the node" in what


@pytest.mark.parametrize(
    "fields, expected",
    [
        ({1: 16, 6: "/", 7: "/x", 8: "/dev/sda"}, "/dev/sda → /x (by CRIU)"),
        ({1: 1, 6: "/", 7: "/x", 8: "proc"}, "proc → /x (by CRIU)"),
        # The specification has a file of the node there, not what is mounted.
        ({1: 16, 6: "/", 7: "/etc/hosts", 8: "/dev/sda"}, "/dev/sda → /etc/hosts (by CRIU)"),
        ({1: 5, 6: "/", 7: "/x", 18: "/etc/hosts"}, "/etc/hosts → /x (by CRIU)"),
        ({1: 5, 6: "/", 7: "/etc/hosts", 18: "/x"}, "/x → /etc/hosts (by CRIU)"),
        ({1: 1, 5: 1, 6: "/", 7: "/proc/kcore", 8: "proc"}, "proc → /proc/kcore (by CRIU)"),
        ({1: 2, 5: 0, 6: "/", 7: "/proc", 8: "sysfs"}, "sysfs → /proc (by CRIU)"),
    ],
)
def test_a_mount_that_the_specification_does_not_name_is_told(
    fields: dict[int, Value], expected: str
) -> None:
    assert with_mount(fields) == [("mount", expected, "high")]


def test_settings_of_the_kernel_that_a_restore_would_not_protect_are_told() -> None:
    assert with_image("mountpoints-13", image("mountpoints", ROOT)) == [
        ("readonly-path", "/proc/sys after a restore", "high")
    ]


BELOW = [("link", "The root filesystem has files below 1 of its own links", "refused")]


@pytest.mark.parametrize(
    "members, deleted, expected",
    [
        ([link(b"a", b"/etc"), member(b"a/cron.d/x", b"evil")], [], BELOW),
        ([member(b"a/x"), link(b"./a", b"/etc")], [], BELOW),
        ([link(b"b/a", b"../../etc"), member(b"b/a/passwd")], [], BELOW),
        ([link(b"a", b"/etc"), link(b"x", b"a/shadow", b"1")], [], BELOW),
        ([link(b"b", b"/etc"), link(b"a", b"b", b"1"), member(b"a/x")], [], BELOW),
        ([link(b"a", b"/")], ["/a/etc/passwd"], BELOW),
        ([link(b"a", b"/")], ["//a/./etc"], BELOW),
        ([link(b"a", b"/")], ["/a"], []),
        ([link(b"a", b"/etc"), member(b"ab/x")], ["/b/a/x"], []),
        (
            [member(b"var/run/docker.sock")],
            [],
            [("link", "The root filesystem has /var/run/docker.sock", "high")],
        ),
        ([], ["/var/lock/x"], [("link", "The root filesystem has /var/lock/x", "high")]),
        (
            [long_name(b"/".join([b"a"] * 300)), member(b"a")],
            [],
            [
                (
                    "link",
                    "The root filesystem has more links or folders than can be compared",
                    "refused",
                )
            ],
        ),
    ],
)
def test_what_podman_would_write_or_delete_through_a_link_is_told(
    members: list[bytes], deleted: list[str], expected: Told
) -> None:
    assert with_tar(*members, deleted=deleted) == expected


def test_more_folders_than_can_be_compared_are_refused() -> None:
    links = Links("It")
    for number in range(100_001):
        links.take_path(f"{number}/x")

    (found,) = links.privileges()

    assert found["what"] == "It has more links or folders than can be compared"
    assert found["risk"] == "refused"


@pytest.mark.parametrize(
    "name, called",
    [("volumes/data.tar", "The volume data"), ("devshm-checkpoint.tar", "The shared memory")],
)
def test_links_in_what_else_podman_unpacks_are_told(name: str, called: str) -> None:
    evil = [link(b"a", b"/etc"), member(b"a/x", b"evil")]

    assert with_tar(*evil, name=name) == [
        ("link", f"{called} has files below 1 of its own links", "refused")
    ]


@pytest.mark.parametrize("name", ["core-01", "core-\u0661", "inventory-1", "core"])
def test_an_image_by_a_name_that_criu_does_not_open_is_none(name: str) -> None:
    evil = image("core", {1: 1, 5: message({10: message({10: [1 << 21, 0]})})})

    assert with_image(name, evil) == []


def test_an_image_that_is_there_twice_is_refused() -> None:
    packed = Checkpoint(members={"checkpoint/stats-dump": b""}).pack()

    with pytest.raises(ArchiveUnreadable) as caught:
        read_contents(io.BytesIO(packed))

    assert caught.value.problem.cause == "checkpoint/stats-dump is there twice."
