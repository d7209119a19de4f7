"""Say in words why a connection was not made."""

from __future__ import annotations

import os
import socket


def reason(error: BaseException) -> str:
    """Return "Connection refused" rather than asyncio's "[Errno 111] Connect call failed …"."""
    if isinstance(error, socket.gaierror):
        return f"the host name cannot be resolved ({error.strerror})"
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    return str(error) or type(error).__name__
