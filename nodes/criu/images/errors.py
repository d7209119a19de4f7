"""What can go wrong while an image is read."""

from __future__ import annotations

from nodes.problem import FerryError


class ImageUnreadable(FerryError):
    """The bytes are not those of an image of the kind that its name promises."""

    code = "image_unreadable"

    def __init__(self, cause: str) -> None:
        super().__init__(
            "An image of CRIU cannot be read.",
            cause=cause,
            remedy="Checkpoint the container again. If that changes nothing, its CRIU writes "
            "images that are newer than this site.",
        )
