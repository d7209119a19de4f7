"""What the index finds in a real archive is what CRIU's own crit says on the node."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from nodes.catalog.contents import Contents
from nodes.catalog.index import read_contents
from tests.integration.crit import FOLDER, Crit
from tests.lab import Host
from tests.lab.images import reference

pytestmark = [pytest.mark.integration, pytest.mark.lab]

# Opens one of nearly everything that CRIU can dump; Python is the host's own.
MANY_KINDS = """
import ctypes, mmap, os, select, socket, threading, time
libc = ctypes.CDLL(None)
os.mkfifo("/tmp/fifo")
keep = [
    open("/tmp/fifo", "r+b", buffering=0), open("/etc/hosts", "rb", buffering=0),
    os.eventfd(3), select.epoll(), os.memfd_create("cache"), libc.inotify_init1(0),
    libc.timerfd_create(1, 0), os.pipe(), socket.socketpair(),
    socket.socket(socket.AF_INET6, socket.SOCK_DGRAM), socket.socket(socket.AF_UNIX),
    socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0),
    mmap.mmap(-1, 8192), mmap.mmap(-1, 1 << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS),
]
keep[1].seek(5)
keep[9].bind(("::1", 5353))
keep[10].bind("\\0abstract"); keep[10].listen()
os.ftruncate(keep[4], 4096)
keep[12].write(b"shared"); keep[13].write(b"x" * (1 << 20))
threading.Thread(target=time.sleep, args=(1e6,), daemon=True).start()
print("ready", flush=True)
time.sleep(1e6)
"""


@pytest.fixture
def many_kinds(alder: Host) -> str:
    """Start a program that has nearly every kind of descriptor open."""
    alder.load_image("busybox")
    mounts = [f"--volume=/usr{path}:{path or '/usr'}:ro" for path in ("", "/lib", "/lib64")]
    run = ["podman", "run", "--detach", "--pull", "never", "--name", "kinds", "--tmpfs", "/tmp"]
    environment = ["--env", "SECRET=hunter2"]
    program = ["/usr/bin/python3", "-c", MANY_KINDS]
    alder.run([*run, *environment, *mounts, reference("busybox"), *program])
    for _ in range(100):
        if "ready" in alder.run(["podman", "logs", "kinds"]).stdout:
            return "kinds"
        time.sleep(0.1)
    raise AssertionError(alder.run(["podman", "logs", "kinds"]).stderr)


def read(crit: Crit) -> Contents:
    with crit.archive.open("rb") as file:
        return read_contents(file)


def assert_equal(crit: Crit, contents: Contents) -> None:
    """Hold everything that crit tells against the index."""
    assert_equal_processes(crit, contents)
    assert_equal_memory(crit, contents)
    assert_equal_files(crit, contents)
    assert contents.summary["notes"] == []


def assert_equal_processes(crit: Crit, contents: Contents) -> None:
    processes = contents.sections["processes"]
    assert [
        (p["pid"], p["pgid"], p["sid"], p["depth"], p["name"]) for p in processes
    ] == crit.processes()
    assert {p["pid"]: p["executable"] for p in processes} == crit.executables()


def assert_equal_memory(crit: Crit, contents: Contents) -> None:
    memory = {process["pid"]: process for process in contents.sections["memory"]}
    assert {pid: found["stored_bytes"] for pid, found in memory.items()} == crit.stored_bytes()
    for pid, theirs in crit.mappings().items():
        ours = memory[pid]["mappings"]
        assert [(m["start"], m["end"], m["access"][:3]) for m in ours] == [
            (mapping.start, mapping.end, mapping.access) for mapping in theirs
        ]
        paths = {m.start: m.path for m in theirs if m.path.startswith("/")}
        assert {m["start"]: m["path"] for m in ours if m["start"] in paths} == paths
    for found in memory.values():
        assert sum(part["bytes"] for part in found["parts"]) == found["stored_bytes"]
        assert sum(m["stored_bytes"] for m in found["mappings"]) == found["stored_bytes"]


def assert_equal_files(crit: Crit, contents: Contents) -> None:
    processes = {process["pid"]: process for process in contents.sections["processes"]}
    opened = {process["pid"]: process["descriptors"] for process in contents.sections["files"]}
    for pid, theirs in crit.descriptors().items():
        assert processes[pid]["working_directory"] == theirs.pop("cwd")
        assert processes[pid]["root"] == theirs.pop("root")
        assert {str(d["fd"]): as_crit_calls_it(d) for d in opened[pid]} == {
            number: what if what.startswith("/") else re.split(r"[.[]", what)[0]
            for number, what in theirs.items()
        }


def as_crit_calls_it(descriptor: dict[str, Any]) -> str:
    """Return the path, or the kind alone where crit prints a number behind it."""
    if descriptor["kind"] == "file":
        return str(descriptor["path"])
    if descriptor["kind"] == "pipe":
        return "pipe"
    if descriptor["kind"] == "socket":
        path = descriptor["path"]
        if path.startswith(("socket:", "@", "/")):
            return "unix"
        return "INETSK" if path else "NETLINKSK"
    return str(descriptor["kind"]).upper()


def told_by_the_kernel(host: Host, container: str, what: str) -> list[str]:
    """Return the words of /proc/1/cmdline or /proc/1/environ in a running container."""
    script = f"tr '\\0' '\\n' < /proc/1/{what}"
    return host.run(["podman", "exec", container, "sh", "-c", script]).stdout.splitlines()


@pytest.mark.parametrize("compression", ["zstd", "gzip", "none"])
def test_a_counter_with_64_mib_of_memory(alder: Host, counter: str, compression: str) -> None:
    crit = Crit(alder, "counter", compression)

    contents = read(crit)

    assert_equal(crit, contents)
    (process,) = contents.sections["processes"]
    assert process["command"] == told_by_the_kernel(alder, "counter", "cmdline")
    assert process["environment"] == [
        pair.partition("=")[0] for pair in told_by_the_kernel(alder, "counter", "environ")
    ]
    assert contents.sections["memory"][0]["stored_bytes"] >= 64 << 20
    figures = {timing["name"]: timing["value"] for timing in contents.sections["timings"]}
    assert figures["pages_written"] * 4096 == contents.summary["memory_bytes"]


def test_a_tree_of_processes(alder: Host) -> None:
    alder.start_workload("tree", name="tree")
    alder.shell('until podman logs tree | grep -q "tree=2"; do sleep 0.1; done')
    crit = Crit(alder, "tree")

    contents = read(crit)

    assert_equal(crit, contents)
    processes = contents.sections["processes"]
    assert {process["depth"] for process in processes} == {0, 1, 2}
    commands = {" ".join(process["command"]) for process in processes}
    assert {"sleep 1000000", "sleep 1"} <= commands


def test_an_open_connection(alder: Host) -> None:
    alder.start_workload("tcp", name="tcp")
    alder.shell('until podman logs tcp | grep -q "tick=3"; do sleep 0.1; done')
    crit = Crit(alder, "tcp")

    contents = read(crit)

    assert_equal(crit, contents)
    theirs = [entry["isk"] for entry in crit.decode("checkpoint/files.img") if "isk" in entry]
    ours = contents.sections["sockets"]
    states = {1: "established", 10: "listen"}
    assert sorted((s["state"], int(s["local"].rpartition(":")[2])) for s in ours) == sorted(
        (states[inet["state"]], inet["src_port"]) for inet in theirs
    )
    ends = {(s["local"], s["remote"]) for s in ours if s["state"] == "established"}
    assert {(remote, local) for local, remote in ends} == ends


def test_nearly_every_kind_of_descriptor(alder: Host, many_kinds: str) -> None:
    crit = Crit(alder, many_kinds)

    contents = read(crit)

    assert_equal(crit, contents)
    descriptors = {d["kind"]: d for d in contents.sections["files"][0]["descriptors"]}
    kinds = {"fifo", "eventfd", "eventpoll", "memfd", "inotify", "timerfd", "socket", "pipe"}
    assert kinds <= set(descriptors)
    assert descriptors["memfd"]["path"] == "memfd:cache"
    assert descriptors["fifo"]["path"] == "/tmp/fifo"
    (process,) = contents.sections["processes"]
    assert process["command"] == ["/usr/bin/python3", "-c", MANY_KINDS]
    assert "SECRET" in process["environment"]
    assert len(process["threads"]) == 2
    sockets = {s["local"]: (s["family"], s["protocol"]) for s in contents.sections["sockets"]}
    assert sockets["[::1]:5353"] == ("inet6", "udp")
    assert sockets["@abstract"] == ("unix", "stream")
    stored = sum(m["stored_bytes"] for m in contents.sections["memory"])
    pages = sum(
        entry["nr_pages"]
        for name in alder.run(["ls", FOLDER + "/checkpoint"]).stdout.split()
        if name.startswith("pagemap-shmem")
        for entry in crit.decode(f"checkpoint/{name}")[1:]
    )
    assert pages > 0
    assert contents.summary["memory_bytes"] == stored + pages * 4096
