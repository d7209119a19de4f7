"""What somebody uploads is refused for a reason that tells, in little memory and time."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from nodes.catalog.errors import ArchiveUnreadable
from nodes.catalog.index import read_contents
from nodes.catalog.members import Limits, read_members
from tests.unit.archives import Checkpoint
from tests.unit.hostile_archives import BOMBS, CORPUS, STREAMS, Hostile, archive
from tests.unit.tar_blocks import header, member, pax, record

UPLOADS = Limits.for_uploads()
# Reads the file that it is given, in no more memory than it needs and 64 MiB for what it reads.
IN_LITTLE_MEMORY = """
import resource, sys
from nodes.catalog.errors import ArchiveUnreadable
from nodes.catalog.index import read_contents
from nodes.catalog.members import Limits
pages = int(open("/proc/self/statm").read().split()[0])
most = pages * resource.getpagesize() + 64 * 1024 * 1024
resource.setrlimit(resource.RLIMIT_AS, (most, most))
try:
    read_contents(open(sys.argv[1], "rb"), Limits.for_uploads())
except ArchiveUnreadable as error:
    print(error.problem.cause)
"""


def read_all(source: io.BufferedIOBase | io.BufferedReader, limits: Limits) -> int:
    """Read every member to its end, and those of the archives in it; return how many."""
    count = 0
    for each in read_members(source, limits):  # type: ignore[arg-type]
        count += 1
        if each.name == "rootfs-diff.tar" or each.name.startswith("volumes/"):
            if each.type == "file":
                count += sum(1 for _ in each.members())
        else:
            while each.read(100_000):
                pass
    return count


def cause_of(data: bytes, limits: Limits = UPLOADS) -> str:
    with pytest.raises(ArchiveUnreadable) as caught:
        read_all(io.BytesIO(data), limits)
    return caught.value.problem.cause


@pytest.mark.parametrize("hostile", CORPUS, ids=lambda hostile: str(hostile[0]))
def test_each_is_refused_for_a_reason_that_tells(hostile: Hostile) -> None:
    _, build, expected = hostile

    cause = cause_of(build())

    assert expected in cause
    assert cause.endswith(".")


@pytest.mark.parametrize("hostile", CORPUS, ids=lambda hostile: str(hostile[0]))
def test_each_is_refused_when_its_contents_are_read(hostile: Hostile) -> None:
    with pytest.raises(ArchiveUnreadable):
        read_contents(io.BytesIO(hostile[1]()), UPLOADS)


@pytest.mark.parametrize("hostile", [*BOMBS, *STREAMS], ids=lambda hostile: str(hostile[0]))
def test_the_worst_are_refused_in_little_memory(hostile: Hostile, tmp_path: Path) -> None:
    path = tmp_path / "archive"
    path.write_bytes(hostile[1]())

    done = subprocess.run(
        [sys.executable, "-c", IN_LITTLE_MEMORY, str(path)],
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        check=False,
    )

    assert hostile[2] in done.stdout, done.stderr


def test_an_archive_of_our_own_may_hold_gigabytes_of_zeros() -> None:
    _, build, _ = BOMBS[0]

    assert read_all(io.BytesIO(build()), Limits()) == 2


def test_what_an_archive_unpacks_to_is_limited() -> None:
    data = archive(member(b"checkpoint/pages-1.img", bytes(10_000)))

    assert "more than 9999 bytes" in cause_of(data, Limits(unpacked_bytes=9999))


def test_members_of_archives_in_it_are_counted_apart() -> None:
    data = Checkpoint(volumes={"data": {"a": b"1", "b": b"2"}}).pack("none")
    count = read_all(io.BytesIO(data), UPLOADS)

    assert read_all(io.BytesIO(data), Limits(members=count - 2, nested_members=2)) == count
    assert "have more than 1 members" in cause_of(data, Limits(nested_members=1))
    assert f"more than {count - 3} members" in cause_of(data, Limits(members=count - 3))


def test_a_volume_of_our_own_may_have_more_members_than_an_upload() -> None:
    _, build, _ = BOMBS[-1]

    assert read_all(io.BytesIO(build()), Limits()) == 201_002


def test_reading_ends_when_it_takes_too_long() -> None:
    assert "takes more than 0 seconds" in cause_of(archive(), Limits(seconds=0))


def test_extended_headers_are_limited_in_all() -> None:
    data = archive(*(pax(record(b"comment", b"x" * 900)) + member(b"a%d" % n) for n in range(9)))

    assert "more than 4000 bytes" in cause_of(data, Limits(extensions_bytes=4000))
    assert read_all(io.BytesIO(data), Limits()) == 10


@pytest.mark.parametrize("compression", ["zstd", "gzip", "none"])
def test_an_archive_is_cut_off_wherever_its_end_is_missing(compression: str) -> None:
    data = Checkpoint(written={"new": b"1"}, volumes={"data": {"a": b"1"}}).pack(compression)
    # Python's tarfile fills the end of an archive up with zeros that may be missing.
    needed = len(data.rstrip(b"\0")) + 1024 if compression == "none" else len(data)

    for length in range(0, needed - 1, max(1, needed // 300)):
        with pytest.raises(ArchiveUnreadable):
            read_all(io.BytesIO(data[:length]), UPLOADS)


def test_a_reason_does_not_repeat_an_endless_name() -> None:
    assert len(cause_of(archive(header(b"checkpoint/" + b"x" * 89, kind=b"6")))) < 300


@pytest.mark.parametrize(
    "name, data, expected",
    [
        ("config.dump", b"", "config.dump"),
        ("config.dump", b"[" * 100_000, "config.dump"),
        ("config.dump", b'{"a":' * 30_000 + b"1" + b"}" * 30_000, "config.dump"),
        ("config.dump", b'"text"', "config.dump"),
        ("config.dump", b'{"id": 5}', "config.dump: id"),
        ("config.dump", b'{"id": "a", "labels": {"a": []}}', "config.dump"),
        ("config.dump", b'{"id": "a", "namedVolumes": "x"}', "config.dump"),
        ("spec.dump", b'{"process": []}', "spec.dump: process"),
        ("spec.dump", b'{"process": {"args": [1]}}', "spec.dump"),
        ("spec.dump", b'{"mounts": {"a": 1}}', "spec.dump: mounts"),
        ("network.status", b"\xff\xfe", "network.status"),
        ("deleted.files", b'{"a": 1}', "deleted.files"),
        ("deleted.files", b"NaN", "deleted.files"),
        ("config.dump", b'{"id": "a", "shmSize": 1e999}', "config.dump"),
        ("config.dump", b'{"id": "a", "shmSize": -1e999}', "config.dump"),
        ("spec.dump", b'{"a": ' + b"9" * 4000 + b"}", "spec.dump"),
        ("config.dump", b'{"id": "a", "ID": "b"}', "config.dump: id is spelled otherwise"),
    ],
)
def test_a_document_of_the_wrong_shape_is_refused(name: str, data: bytes, expected: str) -> None:
    packed = Checkpoint(members={name: data}).pack()

    with pytest.raises(ArchiveUnreadable) as caught:
        read_contents(io.BytesIO(packed), UPLOADS)

    assert expected in caught.value.problem.cause


@pytest.mark.parametrize("kind", ["pstree", "core-1", "mm-1", "pagemap-1", "files", "fdinfo-2"])
@pytest.mark.parametrize("data", [b"", b"\0" * 64, b"\x19CTV" + b"\xff" * 64])
def test_an_image_that_is_none_does_not_take_the_rest_with_it(kind: str, data: bytes) -> None:
    packed = Checkpoint(members={f"checkpoint/{kind}.img": data}).pack()

    contents = read_contents(io.BytesIO(packed), UPLOADS)

    assert contents.summary["container_name"] == "counter"
    assert any(kind in note for note in contents.summary["notes"])


def test_a_key_that_is_there_twice_is_refused() -> None:
    # Go merges what comes twice: {"hooks": {...evil...}, "hooks": {}} has the first one's hooks.
    spec = json.dumps(Checkpoint()._spec())[1:]
    twice = b'{"hooks": {"prestart": [{"path": "/evil"}]}, "hooks": {}, ' + spec.encode()

    with pytest.raises(ArchiveUnreadable):
        read_contents(io.BytesIO(Checkpoint(members={"spec.dump": twice}).pack()), UPLOADS)


@pytest.mark.parametrize("path", ["../../etc/passwd", "/a/../../../etc/passwd"])
def test_a_deletion_outside_of_the_root_filesystem_is_refused(path: str) -> None:
    # Podman joins each to the root filesystem and deletes it, as root: CRRemoveDeletedFiles.
    with pytest.raises(ArchiveUnreadable) as caught:
        read_contents(io.BytesIO(Checkpoint(deleted=[path]).pack()), UPLOADS)

    assert "deleted.files" in caught.value.problem.cause
