"""What a member of an archive may be called and be: Podman writes little of what tar can hold."""

from __future__ import annotations

import re
from typing import Final, Literal

from nodes.catalog.tar_header import BadHeader, Header

MemberType = Literal["file", "directory", "symlink", "hardlink", "device", "fifo"]

_TYPES: Final[dict[str, MemberType]] = {
    "0": "file",
    "1": "hardlink",
    "2": "symlink",
    "3": "device",
    "4": "device",
    "5": "directory",
    "6": "fifo",
}
_NESTED = re.compile(r"(?:rootfs-diff|devshm-checkpoint)\.tar|volumes/[^/]+\.tar")
# The only link that is exported: CRIU makes it for --with-previous (Podman 5.8, CRIU 4.2).
_PARENT = ("checkpoint/parent", "../pre-checkpoint")
# What Podman 4 and 5 and CRI-O write. Podman unpacks any other member too, and to where it keeps
# the files by which it runs the container.
_KNOWN = re.compile(
    r"(artifacts|checkpoint|pre-checkpoint|volumes)(/.*)?"
    r"|(config|spec|status|pod)\.dump|pod\.options|network\.status|bind\.mounts|deleted\.files"
    r"|stats-dump|(dump|restore|ctr)\.log|io\.kubernetes\.cri-o\.LogPath"
    r"|rootfs-diff\.tar|devshm-checkpoint\.tar|descriptors\.json"
)


def may_be_looked_into(name: str) -> bool:
    """Tell whether a member of an archive itself is one by Podman's rules, never compressed."""
    return _NESTED.fullmatch(name) is not None


def type_of(header: Header) -> MemberType:
    """Return what a member is. Raises BadHeader if it contradicts itself."""
    type_ = _TYPES.get(header.kind)
    if type_ is None:
        raise BadHeader("it is of a type that Podman does not write")
    if type_ == "file" and header.name.endswith(b"/"):
        raise BadHeader("it is a file and is named as a directory")
    if type_ != "file" and header.size_bytes:
        raise BadHeader(f"it is a {type_} and has bytes of its own")
    return type_


def target_of(header: Header, type_: MemberType, name_chars: int) -> str:
    """Return where a link leads: a symbolic one anywhere, a hard one only to another member."""
    if type_ == "hardlink":
        return plain_path(header.target, "target", name_chars)
    if type_ == "symlink":
        return text(header.target[:name_chars])
    return ""


def plain_path(raw: bytes, what: str, name_chars: int) -> str:
    """Return a path in its plain form, "." for the top. Raises BadHeader if it leads out."""
    if not raw or b"\x00" in raw:
        raise BadHeader(f"it has a {what} that is none")
    if len(raw) > name_chars:
        raise BadHeader(f"its {what} has more than {name_chars} bytes")
    if raw.startswith(b"/"):
        raise BadHeader(f"its {what} is absolute")
    parts = [part for part in raw.split(b"/") if part not in (b"", b".")]
    if b".." in parts:
        raise BadHeader(f"its {what} leads out of the archive")
    return text(b"/".join(parts)) or "."


def check_of_archive(name: str, type_: MemberType, target: str, *, known_names_only: bool) -> None:
    """Refuse what only a root filesystem may hold. Raises BadHeader."""
    is_parent = type_ == "symlink" and (name, target) == _PARENT
    if type_ not in ("file", "directory") and not is_parent:
        raise BadHeader(f"it is a {type_}, which Podman does not write")
    if not name.isprintable() or "\\" in name:
        raise BadHeader("it has a name that Podman does not write")
    if known_names_only and not _KNOWN.fullmatch(name):
        raise BadHeader("it is none that Podman writes")


def text(raw: bytes) -> str:
    """Return a name as text that can be kept, whatever its bytes are."""
    return raw.decode("utf-8", "backslashreplace")
