"""A configuration file is written in one step, and only over what was read."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from nodes.host.preparation import FileEdit
from nodes.operations.config_file import FileChanged, apply_edit, backup_path
from nodes.ssh.errors import CommandFailed
from tests.unit.local_session import LocalSession

BEFORE = '# mine: ä\n[engine]\nruntime = "crun"'
AFTER = '# mine: ä\n[engine]\nruntime = "runc"\n'
ANOTHER = "# somebody else's\n"
needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root may give a file away")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A place with blanks and quotes in its name, for a name is never a piece of script."""
    folder = tmp_path / "it's $(a) folder"
    folder.mkdir()
    return folder / "containers.conf"


@pytest.fixture
def backup(path: Path) -> Path:
    return path.with_name("containers.conf.ferry-then")


@pytest.fixture(autouse=True)
def no_half_written_file(tmp_path: Path) -> Iterator[None]:
    yield
    assert list(tmp_path.rglob("*.ferry-new")) == []


async def edit(path: Path, before: str | None, after: str | None, backup: Path) -> None:
    change = FileEdit(path=str(path), before=before, after=after)
    await apply_edit(LocalSession(), change, backup=str(backup))  # type: ignore[arg-type]


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def test_a_new_file_can_be_read_by_everybody(path: Path, backup: Path) -> None:
    await edit(path, None, AFTER, backup)
    assert path.read_text() == AFTER
    assert mode_of(path) == 0o644
    assert not backup.exists()


async def test_its_folder_is_made(path: Path, backup: Path) -> None:
    await edit(path.parent / "new" / "folder" / "x.conf", None, AFTER, backup)
    assert (path.parent / "new" / "folder" / "x.conf").read_text() == AFTER


async def test_the_old_file_is_kept_beside_it(path: Path, backup: Path) -> None:
    path.write_bytes(BEFORE.encode())
    os.utime(path, (1, 1))
    await edit(path, BEFORE, AFTER, backup)
    assert path.read_bytes() == AFTER.encode()
    assert backup.read_bytes() == BEFORE.encode()
    assert backup.stat().st_mtime == 1


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o444])
async def test_who_may_read_it_stays(path: Path, backup: Path, mode: int) -> None:
    path.write_text(BEFORE)
    path.chmod(mode)
    await edit(path, BEFORE, AFTER, backup)
    assert (mode_of(path), mode_of(backup)) == (mode, mode)


@needs_root
async def test_its_owner_stays(path: Path, backup: Path) -> None:
    path.write_text(BEFORE)
    os.chown(path, 1234, 2345)
    await edit(path, BEFORE, AFTER, backup)
    assert [(file.stat().st_uid, file.stat().st_gid) for file in (path, backup)] == [
        (1234, 2345)
    ] * 2


async def test_a_link_stays_a_link(path: Path, backup: Path, tmp_path: Path) -> None:
    real = tmp_path / "real.conf"
    real.write_text(BEFORE)
    path.symlink_to("../real.conf")
    await edit(path, BEFORE, AFTER, backup)
    assert path.is_symlink()
    assert real.read_text() == AFTER
    assert backup.read_text() == BEFORE
    assert not backup.is_symlink()


async def test_a_link_to_nothing_leads_to_the_new_file(
    path: Path, backup: Path, tmp_path: Path
) -> None:
    path.symlink_to("../real.conf")
    await edit(path, None, AFTER, backup)
    assert path.is_symlink()
    assert (tmp_path / "real.conf").read_text() == AFTER


@pytest.mark.parametrize(
    "present, before, after",
    [
        (ANOTHER, BEFORE, AFTER),
        (f"{BEFORE}\n", BEFORE, AFTER),
        ("", BEFORE, AFTER),
        ("", None, AFTER),
        (ANOTHER, None, AFTER),
        (None, BEFORE, AFTER),
        (AFTER, BEFORE, AFTER),
        (ANOTHER, BEFORE, None),
        (None, BEFORE, None),
    ],
)
async def test_a_file_that_somebody_else_has_changed_is_left_alone(
    path: Path, backup: Path, present: str | None, before: str | None, after: str | None
) -> None:
    if present is not None:
        path.write_text(present)
    with pytest.raises(FileChanged) as caught:
        await edit(path, before, after, backup)
    assert str(path) in caught.value.problem.message
    assert (path.read_text() if path.exists() else None) == present
    assert list(path.parent.iterdir()) == ([path] if present is not None else [])


async def test_an_empty_file_is_a_file(path: Path, backup: Path) -> None:
    path.write_text("")
    await edit(path, "", AFTER, backup)
    assert path.read_text() == AFTER
    assert backup.read_text() == ""


async def test_a_file_can_become_empty_and_stay(path: Path, backup: Path) -> None:
    path.write_text(BEFORE)
    await edit(path, BEFORE, "", backup)
    assert path.read_text() == ""


async def test_a_file_of_ours_goes_again(path: Path, backup: Path) -> None:
    path.write_text(AFTER)
    await edit(path, AFTER, None, backup)
    assert list(path.parent.iterdir()) == []


async def test_what_cannot_be_written_is_not_called_a_change(path: Path, backup: Path) -> None:
    path.write_text(BEFORE)
    with pytest.raises(CommandFailed) as caught:
        await edit(path, BEFORE, AFTER, backup / "no" / "such" / "folder")
    assert "No such file or directory" in caught.value.problem.cause
    assert path.read_text() == BEFORE


class CutSession(LocalSession):
    """Lose the connection in the middle of the input, as sshd shows it to a command."""

    async def run(self, argv: list[str], *, input: str | None = None, **how: object) -> object:
        half = (input or "")[: len(input or "") // 2]
        return await super().run(argv, input=half, **how)  # type: ignore[arg-type]


async def test_half_a_file_never_takes_the_files_place(path: Path, backup: Path) -> None:
    path.write_text(BEFORE)
    change = FileEdit(path=str(path), before=BEFORE, after=AFTER)
    with pytest.raises(CommandFailed):
        await apply_edit(CutSession(), change, backup=str(backup))  # type: ignore[arg-type]
    assert path.read_text() == BEFORE


async def test_of_two_writers_one_wins_and_the_other_is_told(path: Path, backup: Path) -> None:
    path.write_text(BEFORE)
    await edit(path, BEFORE, AFTER, backup)
    with pytest.raises(FileChanged):
        await edit(path, BEFORE, ANOTHER, backup)
    assert path.read_text() == AFTER


def test_a_copy_lies_beside_the_file_where_podman_does_not_read_it() -> None:
    path = "/etc/containers/containers.conf.d/50-lab.conf"
    assert re.fullmatch(re.escape(path) + r"\.ferry-\d{8}T\d{6}Z", backup_path(path))
