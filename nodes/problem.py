"""What goes wrong, told as an operator needs it.

Every error of Ferry is a FerryError:

FerryError
├── SshError                    nodes.ssh.errors: a node cannot be reached or used
├── WorkflowError               nodes.operations.errors: an operation cannot go on
└── StoreError                  nodes.catalog.errors: an archive cannot be kept or given
"""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Say what happened, why, and what to do; ``code`` is stable, for programs."""

    code: str
    message: str
    cause: str = ""
    remedy: str = ""

    def as_dict(self) -> dict[str, str]:
        return asdict(self)


class FerryError(Exception):
    """Carry a Problem; subclasses set ``code``."""

    code = "error"

    def __init__(self, message: str, *, cause: str = "", remedy: str = "") -> None:
        super().__init__(message)
        self.problem = Problem(code=self.code, message=message, cause=cause, remedy=remedy)
