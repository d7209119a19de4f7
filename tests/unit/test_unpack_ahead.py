"""An archive is unpacked while it arrives: the memory in its place, the rest in a thin archive."""

from __future__ import annotations

import gzip
import io
import shutil
import stat
import subprocess
import tarfile
from pathlib import Path, PurePosixPath

import pytest

from nodes.operations.unpack_ahead import UnpackAhead, drop_unpacked
from tests.unit.builders import COUNTER_ID
from tests.unit.local_session import LocalSession

PAGES = bytes(range(256)) * 8000
MEMBERS = {
    "config.dump": b'{"name": "counter"}',
    "checkpoint/inventory.img": b"inventory",
    "checkpoint/pages-1.img": PAGES,
    "volumes/x.tar": b"a volume",
}
COMPRESSIONS = ["none", "gzip", *(["zstd"] if shutil.which("zstd") else [])]


def archive_of(members: dict[str, bytes], compression: str = "none") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o644
            tar.addfile(member, io.BytesIO(content))
    if compression == "gzip":
        return gzip.compress(buffer.getvalue())
    if compression == "zstd":
        return subprocess.run(["zstd"], input=buffer.getvalue(), capture_output=True).stdout
    return buffer.getvalue()


@pytest.fixture
def ahead(tmp_path: Path) -> UnpackAhead:
    (tmp_path / "7").mkdir()
    return UnpackAhead(
        folder=PurePosixPath(tmp_path / "7"),
        place=PurePosixPath(tmp_path / "store" / COUNTER_ID / "userdata"),
        compression="none",
    )


def receive(ahead: UnpackAhead, archive: bytes, compression: str = "none") -> int:
    where = UnpackAhead(folder=ahead.folder, place=ahead.place, compression=compression)
    return subprocess.run(where.receive_argv(), input=archive, capture_output=True).returncode


def files_in(folder: PurePosixPath) -> dict[str, bytes]:
    place = Path(folder)
    return {
        str(path.relative_to(place)): path.read_bytes()
        for path in place.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("compression", COMPRESSIONS)
async def test_the_memory_is_in_place_and_the_rest_in_the_thin_archive(
    ahead: UnpackAhead, compression: str
) -> None:
    assert receive(ahead, archive_of(MEMBERS, compression), compression) == 0
    assert files_in(ahead.place) == {"checkpoint/pages-1.img": PAGES}
    with tarfile.open(ahead.thin_path) as thin:
        found = {
            member.name: thin.extractfile(member).read()  # type: ignore[union-attr]
            for member in thin
            if member.isfile()
        }
    assert found == {name: content for name, content in MEMBERS.items() if content != PAGES}
    assert await ahead.is_done(LocalSession("birch"))


def test_nobody_else_may_look_at_the_memory(ahead: UnpackAhead) -> None:
    receive(ahead, archive_of(MEMBERS))
    assert stat.S_IMODE(Path(ahead.place).stat().st_mode) == 0o700
    assert stat.S_IMODE(Path(ahead.thin_path).stat().st_mode) == 0o600


@pytest.mark.parametrize("compression", COMPRESSIONS)
async def test_a_cut_off_archive_is_not_done(ahead: UnpackAhead, compression: str) -> None:
    archive = archive_of({**MEMBERS, "checkpoint/pages-1.img": PAGES * 3}, compression)
    assert receive(ahead, archive[: len(archive) // 2], compression) != 0
    assert not await ahead.is_done(LocalSession("birch"))


async def test_an_archive_of_another_compression_is_not_done(ahead: UnpackAhead) -> None:
    assert receive(ahead, archive_of(MEMBERS), "gzip") != 0
    assert not await ahead.is_done(LocalSession("birch"))


@pytest.mark.parametrize("name", ["../evil", "../../../evil", "checkpoint/../../evil", "{}/evil"])
def test_a_member_cannot_leave_its_place(ahead: UnpackAhead, tmp_path: Path, name: str) -> None:
    receive(ahead, archive_of({**MEMBERS, name.format(tmp_path / "outside"): b"evil"}))
    escaped = [path for path in tmp_path.rglob("*evil*") if not path.is_relative_to(ahead.place)]
    assert escaped == []
    assert not (tmp_path / "outside").exists()


def test_a_link_does_not_lead_a_member_out_of_its_place(ahead: UnpackAhead, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        link = tarfile.TarInfo("way")
        link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path / "outside")
        tar.addfile(link)
        tar.addfile(tarfile.TarInfo("way/evil"))
    receive(ahead, buffer.getvalue())
    assert list((tmp_path / "outside").iterdir()) == []


def test_a_member_that_looks_like_an_option_is_a_file(ahead: UnpackAhead, tmp_path: Path) -> None:
    evil = f"--checkpoint-action=exec=touch {tmp_path.name}"
    assert receive(ahead, archive_of({"--checkpoint=1": b"", evil: b"", **MEMBERS})) == 0
    assert files_in(ahead.place) == {"checkpoint/pages-1.img": PAGES}


@pytest.fixture
def podman(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a Podman on the path that knows no container, until told otherwise."""
    program = tmp_path / "bin" / "podman"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    return program


@pytest.mark.parametrize("known", [True, False])
async def test_what_was_unpacked_is_dropped_unless_podman_has_the_container(
    ahead: UnpackAhead, podman: Path, known: bool
) -> None:
    receive(ahead, archive_of(MEMBERS))
    podman.write_text(f'#!/bin/sh\n[ "$4" = {COUNTER_ID} ] && exit {0 if known else 1}\nexit 2\n')
    await drop_unpacked(LocalSession("birch"), str(ahead.place), COUNTER_ID)
    assert Path(ahead.place).parent.exists() == known
    assert Path(ahead.place).parent.parent.exists()
