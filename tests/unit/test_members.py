"""An archive is walked through once, whatever it is compressed with, and gives every byte."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import tracemalloc
from collections.abc import Callable

import pytest

from nodes.catalog.errors import ArchiveUnreadable
from nodes.catalog.members import Limits, read_members
from tests.unit.archives import Checkpoint, tar
from tests.unit.tar_blocks import END, header, long_name, member, pax, record, zstd_of

LIMITS = Limits()


def read(data: bytes, limits: Limits = LIMITS) -> list[tuple[str, bytes]]:
    return [
        (each.name, each.read(each.size_bytes)) for each in read_members(io.BytesIO(data), limits)
    ]


def names(data: bytes) -> list[str]:
    return [name for name, _ in read(data)]


@pytest.mark.parametrize("compression", ["zstd", "gzip", "none"])
def test_every_member_gives_its_bytes(compression: str) -> None:
    checkpoint = Checkpoint(
        written={"etc/motd": b"hello"}, volumes={"data": {"a": os.urandom(700_000)}}
    )

    found = dict(read(checkpoint.pack(compression), Limits.for_uploads()))

    folders = dict.fromkeys(("checkpoint", "volumes"), b"")
    assert found == checkpoint.all_members() | folders


def test_what_is_not_read_is_skipped() -> None:
    data = tar({"spec.dump": b"a" * 5000, "config.dump": b"b" * 5000})

    found = [each.read(3) for each in read_members(io.BytesIO(data), LIMITS)]

    assert found == [b"aaa", b"bbb"]


def test_a_member_is_read_in_pieces_to_its_end() -> None:
    data = tar({"spec.dump": bytes(range(256)) * 4000})

    pieces = []
    for each in read_members(io.BytesIO(data), LIMITS):
        while piece := each.read(1000):
            pieces.append(piece)
    assert b"".join(pieces) == bytes(range(256)) * 4000
    assert {len(piece) for piece in pieces} == {1000}


def test_a_member_that_has_been_passed_gives_nothing_more() -> None:
    first, _ = read_members(io.BytesIO(tar({"spec.dump": b"1", "config.dump": b"2"})), LIMITS)

    with pytest.raises(ValueError, match=r"spec\.dump has been passed"):
        first.read(1)


def test_a_part_of_a_member_can_be_skipped() -> None:
    data = tar({"spec.dump": b"0123456789"})

    for each in read_members(io.BytesIO(data), LIMITS):
        assert each.skip(4) == 4
        assert each.read(3) == b"456"
        assert each.skip(100) == 3


def test_a_member_is_read_whole_only_if_it_is_as_small_as_expected() -> None:
    data = tar({"spec.dump": b"0123456789"})

    for each in read_members(io.BytesIO(data), LIMITS):
        with pytest.raises(ArchiveUnreadable) as caught:
            each.read_all(9)
        assert "spec.dump has 10 bytes, where 9 is the most" in caught.value.problem.cause
        assert each.read_all(10) == b"0123456789"


def test_archives_in_an_archive_are_walked_through_too() -> None:
    data = Checkpoint(written={"etc/motd": b"hello"}, volumes={"data": {"a": b"1"}}).pack()
    found = {
        (outer.name, inner.name): inner.read(10)
        for outer in read_members(io.BytesIO(data), LIMITS)
        if outer.name in ("rootfs-diff.tar", "volumes/data.tar")
        for inner in outer.members()
    }

    assert found == {
        ("rootfs-diff.tar", "etc"): b"",
        ("rootfs-diff.tar", "etc/motd"): b"hello",
        ("volumes/data.tar", "a"): b"1",
    }


def test_an_archive_in_an_archive_may_be_left_half_way() -> None:
    data = Checkpoint(volumes={"data": {"a": b"1" * 5000, "b": b"2"}}).pack()
    seen = []
    for outer in read_members(io.BytesIO(data), LIMITS):
        seen.append(outer.name)
        if outer.name == "volumes/data.tar":
            seen.append(next(iter(outer.members())).name)

    assert seen[-2:] == ["volumes/data.tar", "a"]


def test_a_root_filesystem_may_have_links_and_devices() -> None:
    inner = (
        member(b"./", kind=b"5")
        + member(b"./dev/null", kind=b"3")
        + member(b"bin/sh", kind=b"2", target=b"/../bin/busybox")
        + member(b"bin/ash", kind=b"1", target=b"bin/busybox")
        + member(b"run/fifo", kind=b"6", mode=b"0004755\x00")
        + END
    )
    data = member(b"rootfs-diff.tar", inner) + END

    for outer in read_members(io.BytesIO(data), LIMITS):
        found = [(each.name, each.type, each.target, each.mode) for each in outer.members()]

    assert found == [
        ("dev/null", "device", "", 0o644),
        ("bin/sh", "symlink", "/../bin/busybox", 0o644),
        ("bin/ash", "hardlink", "bin/busybox", 0o644),
        ("run/fifo", "fifo", "", 0o4755),
    ]


@pytest.mark.parametrize("name", ["config.dump", "pages.tar", "volumes/a/b.tar"])
def test_no_other_member_is_looked_into(name: str) -> None:
    for each in read_members(io.BytesIO(tar({name: tar({"a": b"1"})})), LIMITS):
        if each.type == "file":
            with pytest.raises(ArchiveUnreadable) as caught:
                list(each.members())
            assert f"{name} is no archive to look into" in caught.value.problem.cause


def test_the_link_to_a_checkpoint_before_is_no_danger() -> None:
    data = member(b"checkpoint/parent", kind=b"2", target=b"../pre-checkpoint") + END

    assert [each.type for each in read_members(io.BytesIO(data), Limits.for_uploads())] == [
        "symlink"
    ]


def test_names_are_given_in_their_plain_form() -> None:
    data = (
        member(b"./", kind=b"5")
        + member(b"./checkpoint//a.img")
        + member(b"b.img", prefix=b"checkpoint")
        + END
    )

    assert names(data) == ["checkpoint/a.img", "checkpoint/b.img"]


def test_long_names_of_either_kind_are_understood() -> None:
    long = b"checkpoint/" + "ü".encode() * 300
    by_pax = pax(record(b"path", long) + record(b"mtime", b"1.5")) + member(b"cut")
    by_gnu = long_name(long + b"2") + member(b"cut", magic=b"ustar  \x00")

    assert names(by_pax + by_gnu + END) == [long.decode(), f"{long.decode()}2"]


def test_a_size_of_more_than_eight_gib_is_understood() -> None:
    pages = header(b"checkpoint/pages-1.img", size=b"\x80" + (9 << 30).to_bytes(11, "big"))
    by_pax = pax(record(b"size", str(9 << 30).encode())) + header(b"checkpoint/pages-1.img")

    for data in (pages, by_pax):
        each = next(read_members(io.BytesIO(data + bytes(1024)), LIMITS))
        assert each.size_bytes == 9 << 30


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_what_python_packs_is_read(form: int) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=form) as archive:
        for name in ("config.dump", "checkpoint/" + "x" * 80 + "/" + "y" * 90):
            info = tarfile.TarInfo(name)
            info.size = 4
            archive.addfile(info, io.BytesIO(b"data"))

    found = read(packed.getvalue())

    assert found == [("config.dump", b"data"), (f"checkpoint/{'x' * 80}/{'y' * 90}", b"data")]


@pytest.mark.parametrize("pack", [zstd_of, gzip.compress])
def test_a_file_of_several_streams_is_one_archive(pack: Callable[[bytes], bytes]) -> None:
    data = tar({"spec.dump": b"0123456789" * 100})

    streams = b"".join(pack(data[at : at + 777]) for at in range(0, len(data), 777))

    assert read(streams) == [("spec.dump", b"0123456789" * 100)]


def test_an_archive_of_zstd_may_have_frames_that_are_to_be_skipped() -> None:
    data = tar({"spec.dump": b"1"})

    assert names(zstd_of(data) + b"\x50\x2a\x4d\x18\x04\x00\x00\x00abcd") == ["spec.dump"]


def test_a_source_that_gives_little_at_a_time_is_waited_for() -> None:
    class Slow(io.RawIOBase):
        def __init__(self, data: bytes) -> None:
            self._file = io.BytesIO(data)

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
            return self._file.readinto(memoryview(buffer)[:100])

    checkpoint = Checkpoint()
    for compression in ("zstd", "gzip", "none"):
        slow = Slow(checkpoint.pack(compression))
        found = {each.name for each in read_members(slow, LIMITS)}  # type: ignore[arg-type]
        assert found >= set(checkpoint.all_members())


def test_an_error_of_the_source_is_its_own() -> None:
    class Broken(io.BytesIO):
        def read(self, count: int | None = -1) -> bytes:
            if self.tell() > 1000:
                raise OSError("the disk is broken")
            return super().read(count)

    with pytest.raises(OSError, match="the disk is broken"):
        list(read_members(Broken(tar({"spec.dump": bytes(600_000)})), LIMITS))


@pytest.mark.parametrize("compression", ["zstd", "gzip", "none"])
def test_memory_stays_the_same_however_large_a_member_is(compression: str) -> None:
    packed = io.BytesIO(
        Checkpoint(members={"checkpoint/pages-9.img": bytes(40 << 20)}).pack(compression)
    )

    tracemalloc.start()
    for each in read_members(packed, LIMITS):
        while each.read(100_000):
            pass
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak_bytes < 4 << 20
