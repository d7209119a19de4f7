"""What goes wrong, told as an operator needs it.

Every error of Ferry is a FerryError:

FerryError
├── SshError                    nodes.ssh.errors: a node cannot be reached or used
├── WorkflowError               nodes.operations.errors: an operation cannot go on
├── StoreError                  nodes.catalog.errors: an archive cannot be kept, given or read
├── ImageUnreadable             nodes.criu.images: a file is not what CRIU writes
└── NoMemory, BadPattern, …     nodes.catalog: what is asked of an archive cannot be answered
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Say what happened, why, and what to do; ``code`` is stable, for programs.

    ``options`` are those with which a new try may succeed, spelled as Podman's. ``rule`` and
    ``line`` are the diagnosis: the rule that fits, and the line of a log that shows it. ``action``
    is what the site can do about it on ``node`` at the press of a button: see criu/diagnosis.py.
    """

    code: str
    message: str
    cause: str = ""
    remedy: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    rule: str = ""
    line: str = ""
    action: str = ""
    node: str = ""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class FerryError(Exception):
    """Carry a Problem; subclasses set ``code``."""

    code = "error"

    def __init__(
        self,
        message: str,
        *,
        cause: str = "",
        remedy: str = "",
        options: Mapping[str, Any] | None = None,
        **diagnosis: str,
    ) -> None:
        super().__init__(message)
        self.problem = Problem(
            code=self.code,
            message=message,
            cause=cause,
            remedy=remedy,
            options=dict(options or {}),
            **diagnosis,
        )
