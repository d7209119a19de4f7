"""An archive is unpacked while it arrives: the memory in its place, the rest in a thin archive."""

from __future__ import annotations

import asyncio
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


async def receive(ahead: UnpackAhead, archive: bytes, compression: str = "none") -> bool:
    """Let the archive arrive; return whether it is unpacked."""
    where = UnpackAhead(folder=ahead.folder, place=ahead.place, compression=compression)
    birch = LocalSession("birch")
    await where.begin(birch)  # type: ignore[arg-type]
    Path(where.folder / "archive").write_bytes(archive)
    await where.end(birch)  # type: ignore[arg-type]
    return await where.is_done(birch)  # type: ignore[arg-type]


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
    assert await receive(ahead, archive_of(MEMBERS, compression), compression)
    assert files_in(ahead.place) == {"checkpoint/pages-1.img": PAGES}
    with tarfile.open(ahead.thin_path) as thin:
        found = {
            member.name: thin.extractfile(member).read()  # type: ignore[union-attr]
            for member in thin
            if member.isfile()
        }
    assert found == {name: content for name, content in MEMBERS.items() if content != PAGES}


async def test_nobody_else_may_look_at_the_memory(ahead: UnpackAhead) -> None:
    await receive(ahead, archive_of(MEMBERS))
    assert stat.S_IMODE(Path(ahead.place).stat().st_mode) == 0o700
    assert stat.S_IMODE(Path(ahead.thin_path).stat().st_mode) == 0o600


@pytest.mark.parametrize("compression", COMPRESSIONS)
async def test_a_cut_off_archive_is_not_done(ahead: UnpackAhead, compression: str) -> None:
    archive = archive_of({**MEMBERS, "checkpoint/pages-1.img": PAGES * 3}, compression)
    assert not await receive(ahead, archive[: len(archive) // 2], compression)


async def test_an_archive_of_another_compression_is_not_done(ahead: UnpackAhead) -> None:
    assert not await receive(ahead, archive_of(MEMBERS), "gzip")


@pytest.mark.parametrize("name", ["../evil", "../../../evil", "checkpoint/../../evil", "{}/evil"])
async def test_a_member_cannot_leave_its_place(
    ahead: UnpackAhead, tmp_path: Path, name: str
) -> None:
    await receive(ahead, archive_of({**MEMBERS, name.format(tmp_path / "outside"): b"evil"}))
    escaped = [path for path in tmp_path.rglob("*evil*") if not path.is_relative_to(ahead.place)]
    assert escaped == []
    assert not (tmp_path / "outside").exists()


async def test_a_link_does_not_lead_a_member_out_of_its_place(
    ahead: UnpackAhead, tmp_path: Path
) -> None:
    (tmp_path / "outside").mkdir()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        link = tarfile.TarInfo("way")
        link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path / "outside")
        tar.addfile(link)
        tar.addfile(tarfile.TarInfo("way/evil"))
    await receive(ahead, buffer.getvalue())
    assert list((tmp_path / "outside").iterdir()) == []


async def test_a_member_that_looks_like_an_option_is_a_file(
    ahead: UnpackAhead, tmp_path: Path
) -> None:
    evil = f"--checkpoint-action=exec=touch {tmp_path.name}"
    assert await receive(ahead, archive_of({"--checkpoint=1": b"", evil: b"", **MEMBERS}))
    assert files_in(ahead.place) == {"checkpoint/pages-1.img": PAGES}


def unpacking(ahead: UnpackAhead) -> bool:
    """Tell whether any process works in the operation's folder."""
    return subprocess.run(["pgrep", "-f", str(ahead.folder)], capture_output=True).returncode == 0


async def until_nothing_unpacks(ahead: UnpackAhead) -> None:
    async with asyncio.timeout(5):
        while unpacking(ahead):
            await asyncio.sleep(0.05)


async def test_it_ends_when_it_is_given_up(ahead: UnpackAhead) -> None:
    birch = LocalSession("birch")
    await ahead.begin(birch)  # type: ignore[arg-type]
    assert unpacking(ahead)
    await ahead.give_up(birch)  # type: ignore[arg-type]
    await until_nothing_unpacks(ahead)


async def test_it_ends_by_itself_when_somebody_removes_the_operations_folder(
    ahead: UnpackAhead,
) -> None:
    """A site that has crashed tells nobody to end."""
    await ahead.begin(LocalSession("birch"))  # type: ignore[arg-type]
    shutil.rmtree(ahead.folder)
    Path(ahead.folder).mkdir()
    await until_nothing_unpacks(ahead)


async def test_an_unpacking_of_another_turn_leaves_alone_what_is_there_now(
    ahead: UnpackAhead,
) -> None:
    await ahead.begin(LocalSession("birch"))  # type: ignore[arg-type]
    Path(ahead.folder / "archive").write_bytes(archive_of(MEMBERS))
    async with asyncio.timeout(5):
        while not Path(ahead.place / "checkpoint" / "pages-1.img").exists():
            await asyncio.sleep(0.01)
    shutil.rmtree(ahead.folder)
    shutil.rmtree(ahead.place.parent)
    Path(ahead.folder).mkdir()
    Path(ahead.place).mkdir(parents=True)
    Path(ahead.place, "config.json").write_text("a container that runs")
    await until_nothing_unpacks(ahead)
    assert files_in(ahead.place) == {"config.json": b"a container that runs"}
    assert files_in(ahead.folder) == {}


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
    await receive(ahead, archive_of(MEMBERS))
    podman.write_text(f'#!/bin/sh\n[ "$4" = {COUNTER_ID} ] && exit {0 if known else 1}\nexit 2\n')
    await drop_unpacked(LocalSession("birch"), str(ahead.place), COUNTER_ID)
    assert Path(ahead.place).parent.exists() == known
    assert Path(ahead.place).parent.parent.exists()
