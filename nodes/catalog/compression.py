"""Tell how an archive is compressed from its first bytes.

Podman's default for --export is zstd whatever the file is called (field note 1, Podman 5.8.6).
"""

from __future__ import annotations

MEDIA_TYPES = {"zstd": "application/zstd", "gzip": "application/gzip", "none": "application/x-tar"}

_TAR_MAGIC_OFFSET = 257
HEAD_BYTES = _TAR_MAGIC_OFFSET + 5


def detect_compression(head: bytes) -> str:
    """Return zstd, gzip or none for the first HEAD_BYTES of an archive, "" for anything else."""
    if head.startswith(b"\x28\xb5\x2f\xfd"):
        return "zstd"
    if head.startswith(b"\x1f\x8b"):
        return "gzip"
    if head[_TAR_MAGIC_OFFSET:HEAD_BYTES] == b"ustar":
        return "none"
    return ""
