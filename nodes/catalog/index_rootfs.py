"""Read what the container changed in its root filesystem, and how large its volumes are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from nodes.catalog.contents import Rootfs, RootfsEntry
from nodes.catalog.errors import ArchiveUnreadable
from nodes.catalog.index_budget import Budget
from nodes.catalog.index_links import Links
from nodes.catalog.members import Member

_CHANGES = "changes of the root filesystem"
_TYPES = {"file": "file", "hardlink": "file", "device": "device", "fifo": "fifo"}
_TYPES |= {"directory": "directory", "symlink": "symlink"}


@dataclass
class RootfsChanges:
    """Collects rootfs-diff.tar and deleted.files, in whatever order they come."""

    budget: Budget
    entries: list[RootfsEntry] = field(default_factory=list)
    bytes: int = 0
    seen: int = 0
    links: Links = field(default_factory=lambda: Links("The root filesystem"))

    def read_written(self, members: Iterable[Member]) -> None:
        """Take the members of rootfs-diff.tar."""
        for member in members:
            if member.name in ("", "."):
                continue
            self.bytes += member.size_bytes
            take_links(self.links, member)
            self._add(
                RootfsEntry(
                    path="/" + member.name.strip("/"),
                    change="written",
                    type=_TYPES.get(member.type, "other"),
                    mode=member.mode & 0o7777,
                    size_bytes=member.size_bytes,
                    target=member.target,
                )
            )

    def read_deleted(self, paths: Iterable[str]) -> None:
        """Take what deleted.files lists. Raises ArchiveUnreadable for a path that leads out.

        Podman 5.8 deletes them as root, joined to the root filesystem's folder.
        """
        for path in paths:
            if ".." in path.split("/"):
                raise ArchiveUnreadable("deleted.files has a path that leads out of the container.")
            self.links.take_path(path)
            self._add(
                RootfsEntry(
                    path="/" + path.strip("/"),
                    change="deleted",
                    type="other",
                    mode=0,
                    size_bytes=0,
                    target="",
                )
            )

    def _add(self, entry: RootfsEntry) -> None:
        self.seen += 1
        if self.budget.take(_CHANGES):
            entry["path"] = self.budget.text(entry["path"])
            entry["target"] = self.budget.text(entry["target"])
            self.entries.append(entry)

    def section(self) -> Rootfs:
        return Rootfs(
            entries=sorted(self.entries, key=lambda entry: entry["path"]),
            bytes=self.bytes,
            left_out=self.seen - len(self.entries),
        )


def take_links(links: Links, member: Member) -> None:
    """Compare a member of a tar that Podman unpacks to a folder of the node."""
    links.take_path(member.name)
    if member.type in ("symlink", "hardlink"):
        links.take_link(member.name)
    if member.type == "hardlink":
        links.take_path(member.target)


@dataclass
class StoredVolume:
    """What volumes/NAME.tar holds."""

    files: int = 0
    bytes: int = 0

    @classmethod
    def read(cls, members: Iterable[Member], links: Links) -> StoredVolume:
        volume = cls()
        for member in members:
            take_links(links, member)
            if member.type == "file":
                volume.files += 1
                volume.bytes += member.size_bytes
        return volume
