"""A process that writes an archive piece by piece, as Podman's export does."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path, PurePosixPath

CONTENT = os.urandom(1_500_000)
PIECE_BYTES = 300_000
_WRITE = "for piece in 1 2 3 4 5; do dd bs=300000 count=1 status=none; sleep 0.03; done"


async def write_slowly(path: PurePosixPath) -> asyncio.subprocess.Process:
    """Start the process; its first piece is there when this returns."""
    whole = Path(path).with_name("whole")
    whole.write_bytes(CONTENT)
    with whole.open("rb") as source, Path(path).open("ab") as target:
        writer = await asyncio.create_subprocess_exec(
            "sh", "-c", _WRITE, stdin=source, stdout=target
        )
    while Path(path).stat().st_size < PIECE_BYTES:
        await asyncio.sleep(0.005)
    return writer
