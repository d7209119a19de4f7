"""Tell Podman's own files of a container from the node's other files."""

from __future__ import annotations

import posixpath
import re
from typing import Final

# Podman's defaults for root (containers/storage, storage.conf).
_STORAGE: Final = ("/var/lib/containers/storage", "/run/containers/storage")
_VOLUMES: Final = "/var/lib/containers/storage/volumes"
_ROOTFS = re.compile(r"(?:/[^/]+)*/(?:overlay/[0-9a-z]+/merged|[a-z]+/(?:dir|graph)/[0-9a-z]+)")

_MOUNTED: Final = (
    r"/(?:resolv\.conf|hosts|hostname|\.containerenv|shm|passwd|group|localtime|mtab"
    r"|(?:run/)?secrets(?:/[^/]+)?)"
)


def is_plain(path: str) -> bool:
    """Tell whether a path is absolute and leads where it says, without "..", and no NUL."""
    return path.startswith("/") and posixpath.normpath(path) == path and "\0" not in path


def is_userdata(path: str, container_id: str, names: str, *, anywhere: bool = False) -> bool:
    """Tell whether a path is one of these in the folder that Podman keeps for just this container.

    ``names`` is a pattern, for there is much in that folder that decides what runs as root, such
    as the runtime's configuration. ``anywhere``: also where the storage of the node that it comes
    from may lie.
    """
    if not re.fullmatch(r"[0-9a-f]{64}", container_id) or not is_plain(path):
        return False
    roots = r"(?:/[^/]+)+" if anywhere else "|".join(_STORAGE)
    return (
        re.fullmatch(rf"(?:{roots})/[a-z]+-containers/{container_id}/userdata{names}", path)
        is not None
    )


def is_mounted_userdata(path: str, container_id: str) -> bool:
    """Tell whether a path is a file that Podman makes for this container to be mounted into it."""
    return is_userdata(path, container_id, _MOUNTED)


def is_volume(path: str, names: set[str]) -> bool:
    """Tell whether a path is the folder of one of these volumes of Podman."""
    return any(path == f"{_VOLUMES}/{name}/_data" for name in names if "/" not in name)


def is_root_filesystem(path: str) -> bool:
    """Tell whether a path is a mounted image; Podman puts its own in place of it anyway."""
    return is_plain(path) and _ROOTFS.fullmatch(path) is not None
