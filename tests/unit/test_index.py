"""One pass over an archive finds everything that its pages show."""

from __future__ import annotations

import io
import json

import pytest

from nodes.catalog.contents import SECTIONS, Contents
from nodes.catalog.errors import ArchiveUnreadable
from nodes.catalog.index import read_contents
from tests.unit.archives import CONTAINER_ID, IMAGE_ID, Checkpoint, tar
from tests.unit.criu_images import Program, inet, pipe, regular, unix

LOOPBACK = "127.0.0.1"
CHECKPOINT = Checkpoint(
    programs=[
        Program(
            memory=b"m" * 10_000,
            arguments=("counter", "64", "--title=a b"),
            environment=("PATH=/bin", "SECRET=hunter2", "EMPTY="),
            threads={3: "io"},
            opened=[
                regular(0, "/data/log", flags=1, position=512),
                inet(5, state=10, local=("0.0.0.0", 8080)),
                inet(4, state=1, local=(LOOPBACK, 47064), remote=(LOOPBACK, 9000)),
                unix(6, inode=61, peer=62, name=b"/run/socket\0"),
                unix(7, inode=62, peer=61),
                unix(8, inode=63, name=b"\0abstract"),
            ],
        ),
        Program(pid=9, ppid=7, name="leaf", opened=[pipe(1, 70)]),
        Program(pid=7, ppid=1, name="branch", opened=[]),
        Program(pid=8, ppid=1, name="branch", opened=[], state=2),
    ],
    labels={"team": "a"},
    written={"new": b"1", "etc/hosts": b"22"},
    deleted=["/gone"],
    volumes={"data": {"a/b": b"xx", "c": b"yyy"}},
)


def read(checkpoint: Checkpoint, compression: str = "none") -> Contents:
    return read_contents(io.BytesIO(checkpoint.pack(compression)))


@pytest.fixture(scope="module")
def contents() -> Contents:
    return read(CHECKPOINT)


def test_every_section_is_there_and_can_be_kept_as_json(contents: Contents) -> None:
    assert set(contents.sections) == set(SECTIONS)
    assert json.loads(json.dumps(contents.sections)) == contents.sections


@pytest.mark.parametrize("compression", ["zstd", "gzip"])
def test_the_compression_makes_no_difference(contents: Contents, compression: str) -> None:
    assert read(CHECKPOINT, compression) == contents


def test_the_order_of_the_members_makes_no_difference_but_to_command_lines(
    contents: Contents,
) -> None:
    backwards = tar(dict(reversed(CHECKPOINT.all_members().items())))

    other = read_contents(io.BytesIO(backwards)).sections

    for section in ("memory", "files", "sockets", "rootfs", "volumes", "networks", "log"):
        assert other[section] == contents.sections[section]


def test_the_summary_says_what_it_is(contents: Contents) -> None:
    summary = contents.summary

    assert summary["container_id"] == CONTAINER_ID
    assert summary["container_name"] == "counter"
    assert (summary["image"], summary["image_id"]) == ("localhost/ferry-counter:latest", IMAGE_ID)
    assert summary["command"] == ["counter", "64"]
    assert summary["hostname"] == CONTAINER_ID[:12]
    assert (summary["runtime"], summary["cgroup_manager"]) == ("runc", "cgroupfs")
    assert summary["labels"] == {"team": "a"}
    assert summary["created_at"] == "2026-03-01T08:00:00.847857+00:00"
    assert (summary["processes"], summary["threads"]) == (4, 5)
    assert summary["memory_bytes"] == 12288 + 4 * 8192
    assert (summary["rootfs_bytes"], summary["rootfs_changes"]) == (3, 4)
    assert summary["volumes_bytes"] == 5
    assert summary["notes"] == []
    assert summary["unpacked_bytes"] == contents.unpacked_bytes


def test_processes_come_as_a_tree_parents_first(contents: Contents) -> None:
    processes = contents.sections["processes"]

    assert [(p["pid"], p["depth"]) for p in processes] == [(1, 0), (7, 1), (9, 2), (8, 1)]
    first, last = processes[0], processes[-1]
    assert first["command"] == ["counter", "64", "--title=a b"]
    assert first["environment"] == ["PATH", "SECRET", "EMPTY"]
    assert first["threads"] == [{"tid": 1, "name": "counter"}, {"tid": 3, "name": "io"}]
    assert (first["executable"], first["working_directory"]) == ("/bin/counter", "/")
    assert (first["state"], last["state"]) == ("alive", "zombie")


def test_memory_is_told_by_kind(contents: Contents) -> None:
    memory = contents.sections["memory"][0]

    assert memory["stored_bytes"] == 12288 + 8192
    assert memory["mapped_bytes"] == 4096 + 12288 + 8192
    assert memory["parts"] == [{"kind": "heap", "bytes": 12288}, {"kind": "stack", "bytes": 8192}]
    assert [(m["kind"], m["access"], m["path"], m["stored_bytes"]) for m in memory["mappings"]] == [
        ("code", "r-xp", "/bin/counter", 0),
        ("heap", "rw-p", "[heap]", 12288),
        ("stack", "rw-p", "[stack]", 8192),
    ]


def test_descriptors_are_listed_by_number(contents: Contents) -> None:
    descriptors = contents.sections["files"][0]["descriptors"]

    assert [d["fd"] for d in descriptors] == [0, 4, 5, 6, 7, 8]
    assert descriptors[0] == {
        "fd": 0,
        "kind": "file",
        "path": "/data/log",
        "access": "w",
        "position": 512,
    }
    assert descriptors[1]["path"] == "127.0.0.1:47064 → 127.0.0.1:9000"


def test_sockets_have_both_ends(contents: Contents) -> None:
    ends = [
        (s["fd"], s["family"], s["protocol"], s["state"], s["local"], s["remote"])
        for s in contents.sections["sockets"]
    ]

    assert ends == [
        (4, "inet", "tcp", "established", "127.0.0.1:47064", "127.0.0.1:9000"),
        (5, "inet", "tcp", "listen", "0.0.0.0:8080", ""),
        (6, "unix", "stream", "listen", "/run/socket", "socket:[62]"),
        (7, "unix", "stream", "listen", "socket:[62]", "/run/socket"),
        (8, "unix", "stream", "listen", "@abstract", ""),
    ]


def test_a_volume_is_called_so_and_counted(contents: Contents) -> None:
    assert contents.sections["volumes"] == [
        {"name": "data", "destination": "/volumes/data", "stored": True, "files": 2, "bytes": 5}
    ]
    mounts = {mount["destination"]: mount for mount in contents.sections["mounts"]}
    assert (mounts["/volumes/data"]["type"], mounts["/volumes/data"]["source"]) == (
        "volume",
        "data",
    )
    assert mounts["/etc/hosts"]["type"] == "bind"


def test_a_volume_left_out_of_the_archive_is_listed_as_not_stored() -> None:
    checkpoint = Checkpoint(volumes={"data": {"a": b"x"}}, members={"volumes/data.tar": None})

    assert read(checkpoint).sections["volumes"] == [
        {"name": "data", "destination": "/volumes/data", "stored": False, "files": 0, "bytes": 0}
    ]


def test_changes_of_the_root_filesystem_are_absolute_and_in_order(contents: Contents) -> None:
    entries = contents.sections["rootfs"]["entries"]

    assert [(e["path"], e["change"], e["type"]) for e in entries] == [
        ("/etc", "written", "directory"),
        ("/etc/hosts", "written", "file"),
        ("/gone", "deleted", "other"),
        ("/new", "written", "file"),
    ]


def test_networks_and_ports_are_told(contents: Contents) -> None:
    networks = contents.sections["networks"]

    assert networks["mode"] == "bridge"
    assert networks["ports"] == [
        {"host_ip": "", "host_port": 8081, "container_port": 8080, "range": 1, "protocol": "tcp"}
    ]
    assert networks["networks"][0]["interfaces"] == [
        {
            "name": "eth0",
            "mac": "6a:f8:a7:3c:78:34",
            "addresses": ["10.88.0.5/16"],
            "gateways": ["10.88.0.1"],
        }
    ]


def test_a_container_without_a_network_of_its_own_has_none() -> None:
    alone = Checkpoint(
        config={"newNetworks": None, "networkMode": "host"}, members={"network.status": b"null"}
    )

    assert read(alone).sections["networks"]["networks"] == []


def test_timings_are_criu_s_own(contents: Contents) -> None:
    assert {"name": "frozen_time", "value": 156906, "unit": "us"} in contents.sections["timings"]


def test_a_command_line_that_memory_does_not_tell_comes_from_the_specification() -> None:
    without_pages = Checkpoint(
        programs=[Program(), Program(pid=2, ppid=1, name="child")],
        members={"checkpoint/pages-1.img": None, "checkpoint/pages-2.img": None},
    )

    first, second = read(without_pages).sections["processes"]

    assert (first["command"], second["command"]) == (["counter", "64"], ["child"])


@pytest.mark.parametrize("missing", ["config.dump", "spec.dump", "checkpoint/inventory.img"])
def test_what_lacks_its_main_parts_is_no_checkpoint(missing: str) -> None:
    with pytest.raises(ArchiveUnreadable) as caught:
        read(Checkpoint(members={missing: None}))

    assert missing in caught.value.problem.cause


@pytest.mark.parametrize(
    "name, text, cause",
    [
        ("config.dump", "{", "config.dump is no JSON"),
        ("config.dump", "[]", "config.dump should be a JSON object"),
        ("config.dump", '{"id": 7, "name": "x"}', "config.dump: id should be a text"),
        ("config.dump", '{"newPortMappings": {"a": 1}}', "newPortMappings should be a list"),
        ("spec.dump", '{"process": []}', "spec.dump: process should be an object"),
        ("spec.dump", '{"mounts": [7]}', "mounts[0] should be an object"),
        ("spec.dump", '{"process": {"args": ["a", true]}}', "args[1] should be a text"),
        ("spec.dump", '{"x": NaN}', "NaN is no JSON number"),
        ("network.status", '{"podman": 1}', "network.status: podman should be an object"),
        ("deleted.files", '{"a": 1}', "deleted.files should be a list of texts"),
        ("spec.dump", '{"x": ' + "[" * 60 + "]" * 60 + "}", "nested more than 40 deep"),
        ("spec.dump", '{"x": ' + "[" * 50_000 + "]" * 50_000 + "}", "spec.dump is no JSON"),
    ],
)
def test_a_document_of_another_shape_says_so(name: str, text: str, cause: str) -> None:
    with pytest.raises(ArchiveUnreadable) as caught:
        read(Checkpoint(members={name: text.encode()}))

    assert cause in caught.value.problem.cause


def test_an_image_that_cannot_be_read_is_a_note_and_not_the_end() -> None:
    broken = read(Checkpoint(members={"checkpoint/files.img": b"\0" * 20}))

    assert broken.sections["processes"][0]["command"] == ["counter", "64"]
    assert "checkpoint/files.img could not be read" in broken.summary["notes"][0]


def test_a_plain_container_has_no_privilege_and_a_privileged_one_has(contents: Contents) -> None:
    privileged = read(Checkpoint(config={"privileged": True}))

    assert contents.sections["privileges"] == []
    assert "privileged" in {found["kind"] for found in privileged.sections["privileges"]}
