"""Several archives as one tar, packed while it is sent."""

from __future__ import annotations

import asyncio
import io
import tarfile
import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import pytest

from nodes.catalog.bundle import Bundle, BundledFile
from nodes.catalog.errors import ArchiveMissing

MIB = 1024**2


def bundled(path: Path, size_bytes: int, name: str = "a.tar.zst") -> BundledFile:
    return BundledFile(name=name, path=path, size_bytes=size_bytes, sha256="0" * 64, modified_s=1.0)


def packed(files: Sequence[BundledFile]) -> bytes:
    async def collect() -> bytes:
        return b"".join([chunk async for chunk in Bundle(files).chunks()])

    return asyncio.run(collect())


@pytest.mark.parametrize("size_bytes", [0, 1, 511, 512, 513, MIB, MIB + 1, 3 * MIB])
def test_the_length_is_known_beforehand(tmp_path: Path, size_bytes: int) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x" * size_bytes)
    files = [bundled(path, size_bytes)]
    tar = packed(files)
    assert len(tar) == Bundle(files).size_bytes
    with tarfile.open(fileobj=io.BytesIO(tar)) as members:
        assert [member.size for member in members] == [76, size_bytes]


@pytest.mark.parametrize("name", ["x" * 300 + ".tar.zst", "größe.tar"])
def test_any_name_comes_out_as_it_went_in(tmp_path: Path, name: str) -> None:
    (tmp_path / "a").write_bytes(b"x")
    files = [bundled(tmp_path / "a", 1, name)]
    tar = packed(files)
    assert len(tar) == Bundle(files).size_bytes
    with tarfile.open(fileobj=io.BytesIO(tar)) as members:
        assert members.getnames() == ["SHA256SUMS", name]


def test_equal_names_are_numbered(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    names = ["a.tar.zst", "a.tar.zst", "a-2.tar.zst", "a.tar", "SHA256SUMS"]
    tar = packed([bundled(tmp_path / "a", 1, name) for name in names])
    with tarfile.open(fileobj=io.BytesIO(tar)) as members:
        found = members.getnames()
    assert len(set(found)) == 6
    assert found[:3] == ["SHA256SUMS", "a.tar.zst", "a-2.tar.zst"]


def test_a_file_beyond_eight_gib_can_be_in_it(tmp_path: Path) -> None:
    size_bytes = 9 * 1024 * MIB
    with (tmp_path / "a").open("wb") as file:
        file.truncate(size_bytes)
    bundle = Bundle([bundled(tmp_path / "a", size_bytes)])
    assert bundle.size_bytes > size_bytes


def test_a_file_that_is_cut_off_breaks_the_download_off(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 100)
    with pytest.raises(ArchiveMissing):
        packed([bundled(tmp_path / "a", 101)])


def test_memory_stays_small_whatever_the_size(tmp_path: Path) -> None:
    size_bytes = 200 * MIB
    with (tmp_path / "a").open("wb") as file:
        file.truncate(size_bytes)

    async def send() -> int:
        sent = 0
        async for chunk in Bundle([bundled(tmp_path / "a", size_bytes)]).chunks():
            sent += len(chunk)
        return sent

    tracemalloc.start()
    try:
        assert asyncio.run(send()) > size_bytes
        assert tracemalloc.get_traced_memory()[1] < 8 * MIB
    finally:
        tracemalloc.stop()
