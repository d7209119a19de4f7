"""Why a back-up cannot be made or restored."""

from __future__ import annotations

from nodes.problem import FerryError


class BackupError(FerryError):
    code = "backup"


class NoSite(BackupError):
    code = "no_site"

    def __init__(self, place: str, cause: str) -> None:
        super().__init__(
            f"There is no site in {place}.",
            cause=cause,
            remedy="Give the site's own settings: FERRY_DATA_DIR, and DATABASE_URL if it has one.",
        )


class BackupUnreadable(BackupError):
    """The file is no back-up, or not whole: nothing was changed."""

    code = "backup_unreadable"

    def __init__(self, cause: str) -> None:
        super().__init__(
            "The file is not a whole back-up of Ferry. Nothing was changed.",
            cause=cause,
            remedy="Take another copy of it, or an earlier back-up.",
        )
