"""What a preparation has done on a node: all that an undo, or a restarted site, needs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from nodes.operations.journal import Marks


@dataclass(kw_only=True)
class PrepareJournal(Marks):
    packages: list[str] = field(default_factory=list)
    # The package manager has ended well.
    installed: bool = False
    # The keys that are to be set, by path; None before anybody has looked.
    planned: dict[str, list[str]] | None = None
    # [{path, backup, before, after, previous}]; ``before`` is None where there was no file.
    edits: list[dict[str, Any]] = field(default_factory=list)

    @property
    def place(self) -> str:
        """Say how far it went."""
        done = []
        if self.packages:
            how_far = "Installed" if self.installed else "The installation had begun"
            done.append(f"{how_far}: {', '.join(self.packages)}.")
        if self.edits:
            done.append(f"Written: {', '.join(edit['path'] for edit in self.edits)}.")
        return " ".join(done) or "Nothing was changed."
