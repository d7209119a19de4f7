"""Have one process at a time use the site's data folder as its own."""

from __future__ import annotations

import fcntl
from typing import IO

from django.conf import settings


def lock_data_folder() -> IO[str] | None:
    """Return the lock, held until it is closed; None while another process holds it."""
    lock = (settings.FERRY_DATA_DIR / "serve.lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    return lock
