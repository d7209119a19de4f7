"""The commands that carry a growing archive, run for real: every byte, each at its place."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path, PurePosixPath

import pytest

from nodes.operations.delivery import write_at_argv
from nodes.operations.receipt import follow_argv
from tests.unit.slow_writer import CONTENT, PIECE_BYTES, write_slowly


@pytest.mark.parametrize("offset", [0, 1, PIECE_BYTES - 1, PIECE_BYTES])
async def test_a_growing_file_is_followed_to_its_end(tmp_path: Path, offset: int) -> None:
    archive = PurePosixPath(tmp_path / "archive")
    writer = await write_slowly(archive)
    follower = await asyncio.create_subprocess_exec(
        *follow_argv(archive, writer.pid, offset), stdout=asyncio.subprocess.PIPE
    )
    (followed, _), _ = await asyncio.gather(follower.communicate(), writer.wait())
    assert followed == CONTENT[offset:]


@pytest.mark.parametrize("offset", [0, 3, 10])
def test_bytes_land_at_their_offset_and_leave_the_others(tmp_path: Path, offset: int) -> None:
    file = tmp_path / "--archive"
    file.write_bytes(b"0123456789")
    subprocess.run(write_at_argv(PurePosixPath(file), offset), input=b"abc", check=True)
    expected = bytearray(b"0123456789")
    expected[offset : offset + 3] = b"abc"
    assert file.read_bytes() == bytes(expected)
