"""Find files of an archive that a link in it, or in most images, would have written elsewhere.

Podman 5 applies rootfs-diff.tar by archive.Untar, which does not stop at symbolic links, and
deletes what deleted.files lists by os.RemoveAll, both as root on the node; Podman 6 keeps to the
root filesystem. What the image has for links cannot be known here, but for the few absolute ones
that distributions have.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

from nodes.podman.privilege import HIGH, REFUSED, Privilege, privilege

# About 15 MiB for each of the two.
_MOST: Final = 100_000
# A path has at most 4096 characters; a tree of folders as deep as this is none that somebody made.
_MOST_DEPTH: Final = 256
# They lead to /run, on the node if nothing keeps to the container's root.
_LINKS_OF_IMAGES: Final = (("var", "run"), ("var", "lock"), ("etc", "mtab"), ("dev", "fd"))
_WHY: Final = "Podman would follow the link, as root, and leave the container's root filesystem."


class Links:
    """Takes every path of one tar, in whatever order, and tells which are below a link of it.

    Keeps digests: names may be long.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._links: set[bytes] = set()
        self._folders: set[bytes] = set()
        self._is_too_much = False
        self._last_folder: list[str] = []
        # A path below a link that images have.
        self._below_common = ""

    def take_link(self, path: str) -> None:
        """Take the name of a symbolic link, or of a hard one, which may be to a symbolic one."""
        if not self._is_too_much:
            self._keep(self._links, self._digests(path.split("/"))[-1:])

    def take_path(self, path: str) -> None:
        """Take a path that Podman would write to, delete, or link to."""
        parts = [part for part in path.split("/") if part not in ("", ".")]
        folder = parts[:-1]
        if folder == self._last_folder or self._is_too_much:
            return
        self._last_folder = folder
        if not self._below_common and tuple(folder[:2]) in _LINKS_OF_IMAGES:
            self._below_common = "/".join(parts)
        self._keep(self._folders, self._digests(folder))

    def privileges(self) -> list[Privilege]:
        found = []
        if self._is_too_much:
            what = f"{self._name} has more links or folders than can be compared"
            found.append(privilege("link", what, "It cannot be judged.", REFUSED))
        if below := len(self._links & self._folders):
            what = f"{self._name} has files below {below} of its own links"
            found.append(privilege("link", what, _WHY, REFUSED))
        if self._below_common:
            what = f"{self._name} has /{self._below_common}"
            why = f"In most images that is below a link. {_WHY}"
            found.append(privilege("link", what, why, HIGH))
        return found

    def _digests(self, parts: list[str]) -> list[bytes]:
        """Return a digest of each beginning of a path."""
        if len(parts) > _MOST_DEPTH:
            self._is_too_much = True
            return []
        digests, state = [], blake2b(digest_size=12)
        for part in parts:
            state.update(part.encode() + b"/")
            digests.append(state.digest())
        return digests

    def _keep(self, kept: set[bytes], digests: list[bytes]) -> None:
        kept.update(digests)
        if len(kept) > _MOST:
            self._is_too_much = True
            kept.clear()
