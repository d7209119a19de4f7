"""What can go wrong in the lab.

LabError
└── CommandError
"""

from __future__ import annotations

from collections.abc import Sequence


class LabError(Exception):
    """The lab cannot do what was asked."""


class CommandError(LabError):
    """A command ended with a status that is not zero."""

    def __init__(self, argv: Sequence[str], returncode: int, stderr: str, *, where: str) -> None:
        self.argv = list(argv)
        self.returncode = returncode
        self.stderr = stderr
        self.where = where
        super().__init__(f"{where}: {self.argv} ended with status {returncode}: {stderr.strip()}")
