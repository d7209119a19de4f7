"""How a workflow tells what it does, without knowing who listens."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from nodes.catalog.store import StoredFile
from nodes.finding import Finding
from nodes.podman.containers import ContainerDetail


class Phase(Protocol):
    """One phase under way."""

    async def progress(self, done_bytes: int, total_bytes: int | None) -> None:
        """Say how far it is; may be called for every chunk."""


class Report(Protocol):
    """The runner's ear."""

    def phase(self, name: str) -> AbstractAsyncContextManager[Phase]:
        """Run a phase: it succeeds, or fails with the exception that leaves the block."""

    async def skip(self, name: str, reason: str) -> None:
        """Say that a phase is not needed."""

    async def log(self, message: str, *, level: str = "info") -> None:
        """Add a line to the operation's log."""

    async def findings(self, findings: Sequence[Finding]) -> None:
        """Show what preflight found."""

    async def record(self, **facts: Any) -> None:
        """Write facts into the journal; they are in the database when this returns."""

    async def keep_archive(
        self,
        stored: StoredFile,
        *,
        container: ContainerDetail,
        options: dict[str, Any],
        versions: dict[str, Any],
    ) -> int:
        """Put a received file into the catalog and return the archive's id."""

    async def journal(self) -> dict[str, Any]:
        """Return all facts recorded so far, by an earlier process too."""
