"""What can go wrong with the store's files."""

from __future__ import annotations

from nodes.problem import FerryError


class StoreError(FerryError):
    code = "store_error"


class StoreFull(StoreError):
    code = "store_full"

    def __init__(self, cause: str) -> None:
        super().__init__(
            "The catalog's disk is full.",
            cause=cause,
            remedy="Delete archives that are not needed, or enlarge the disk, then try again.",
            rule="no-space",
            line=cause,
        )


class ArchiveMissing(StoreError):
    code = "archive_missing"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"The file of the archive {name} is not on the catalog's disk any more.",
            remedy="Delete the entry, or bring the file back from a backup.",
        )


class ArchiveUnreadable(StoreError):
    """The bytes are not those of a checkpoint archive, or not of one that can be trusted."""

    code = "archive_unreadable"

    def __init__(self, cause: str, *, remedy: str = "") -> None:
        super().__init__(
            "The file is not a checkpoint archive that can be read.",
            cause=cause,
            remedy=remedy or "Export it again with `podman container checkpoint --export`.",
        )


class ArchiveCutOff(ArchiveUnreadable):
    """The bytes end before the archive does."""
