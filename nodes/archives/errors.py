"""What can go wrong when an archive is uploaded or changed."""

from __future__ import annotations

from nodes.models import Archive
from nodes.problem import FerryError


class AlreadyInCatalog(FerryError):
    """The very same bytes are there already, as ``archive``."""

    code = "archive_duplicate"

    def __init__(self, archive: Archive) -> None:
        super().__init__(
            f"The catalog has this archive already: {archive.name}.",
            cause=f"Both have the sha256 {archive.sha256}.",
            remedy="Use the one that is there.",
        )
        self.archive = archive


class ArchiveNeeded(FerryError):
    code = "archive_needed"


class InvalidChange(FerryError):
    """``field`` cannot hold what was given."""

    code = "invalid_request"

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class UploadError(FerryError):
    code = "upload_error"


class NoSuchUpload(UploadError):
    code = "no_such_upload"

    def __init__(self) -> None:
        super().__init__(
            "There is no such upload.",
            cause="It was given up, nothing came for an hour, the site was started anew, or this "
            "went to another of its processes than the one that has begun it.",
            remedy="Upload the file again.",
        )


class UploadKept(UploadError):
    """It came too late to give it up; ``archive_id`` is what has become of it."""

    code = "upload_kept"

    def __init__(self, archive_id: int) -> None:
        super().__init__(
            "The upload has ended, and its archive is in the catalog.",
            remedy="Delete the archive if it is not wanted.",
        )
        self.archive_id = archive_id


class WrongOffset(UploadError):
    code = "wrong_offset"

    def __init__(self, given_bytes: int, expected_bytes: int) -> None:
        super().__init__(
            f"The piece begins at byte {given_bytes}, but byte {expected_bytes} comes next.",
            remedy="Ask for the offset with HEAD, and go on from there.",
        )


class PieceTooLong(UploadError):
    code = "piece_too_long"


class UploadBusy(UploadError):
    code = "upload_busy"

    def __init__(self) -> None:
        super().__init__(
            "Another piece of this upload is still being written.", remedy="Try again in a moment."
        )


class TooManyUploads(UploadError):
    code = "too_many_uploads"

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"You have {limit} uploads under way.",
            remedy="Let one of them end, or give it up, then try again.",
        )


class UploadFailed(UploadError):
    code = "upload_failed"

    def __init__(self, error: BaseException) -> None:
        super().__init__(
            "The site itself failed while it took the file.",
            cause=type(error).__name__,
            remedy="Look into the site's log, and upload the file again.",
        )
