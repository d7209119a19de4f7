"""Have a node hash a file, and compare that with what the catalog holds.

Where a container is down meanwhile this waits until it runs again: it is in time as long as it is
before the commit (docs/decisions/0017-transfers-that-resume.md).
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from nodes.operations.again import again_when_lost
from nodes.operations.errors import TransferFailed
from nodes.ssh.session import NodeSession

# $1 is the file. OpenSSL uses the processor's own SHA instructions; coreutils does only where it is
# built so (Debian 12's takes 3.3 s for 1 GiB, OpenSSL 0.6 s on the same processor).
_HASH = """
if command -v openssl > /dev/null 2>&1; then exec nice openssl dgst -sha256 -r < "$1"; fi
exec nice sha256sum < "$1"
"""
_SHA256 = re.compile(r"[0-9a-f]{64}\b")
_DAY_S = 24 * 3600.0


async def require_hash(node: NodeSession, path: PurePosixPath, sha256: str) -> None:
    """Raise TransferFailed if the file on the node has another hash than the catalog's."""
    argv = ["sh", "-c", _HASH, "hash", str(path)]
    done = await again_when_lost(lambda: node.run(argv, timeout_s=_DAY_S))
    if (found := _SHA256.match(done.stdout)) and found[0] == sha256:
        return
    raise TransferFailed(
        f"The archive on {node.name} is not the one that the catalog holds.",
        cause=f"sha256 on {node.name}: {found[0] if found else 'unknown'}; in the catalog: "
        f"{sha256}.",
        remedy="Bytes have changed on the way or since: suspect a disk or memory. Verify the "
        f"archive in the catalog, look at the kernel's log of {node.name}, then try again.",
        node=node.name,
    )
