"""Where the lab keeps what it builds and what runs."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.lab.errors import LabError

SOURCE_FOLDER = Path(__file__).resolve().parent


def cache_folder() -> Path:
    """Return the folder for all that the lab writes, outside the checkout."""
    chosen = os.environ.get("FERRY_LAB_CACHE")
    folder = Path(chosen) if chosen else Path.home() / ".cache" / "ferry-lab"
    folder = folder.expanduser().resolve()
    if any(character in str(folder) for character in ",:\\"):
        raise LabError(f"{folder}: overlay mounts allow no comma, colon or backslash in the path")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def instances_folder() -> Path:
    """Return the folder that holds one folder per instance."""
    return cache_folder() / "instances"


@contextmanager
def locked(lock: Path) -> Iterator[None]:
    """Hold an exclusive lock on a file, waiting for it as long as it takes."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def read_json(path: Path) -> Any:
    """Return what a state file says, or None if there is none."""
    try:
        return json.loads(path.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None


def write_json(path: Path, value: object) -> None:
    """Replace a state file in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(json.dumps(value, indent=1))
    temporary.replace(path)
