"""Make text of the bytes of a path or a name."""

from __future__ import annotations

# The longest path that the kernel takes (PATH_MAX); names are far shorter.
_MOST_BYTES = 4096


def as_text(value: bytes) -> str:
    """Return text, cut to the longest path, with a sign in place of what is no UTF-8."""
    return value[:_MOST_BYTES].decode(errors="replace")
