"""How a workflow tells what it does, without knowing who listens."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from nodes.catalog.store import IncomingFile
from nodes.finding import Finding
from nodes.podman.containers import ContainerDetail


class GivenAway(BaseException):
    """The operation is not this process's any more: another one goes on with it.

    Whoever hears it leaves everything on the nodes as it is. No Exception, so that nobody takes
    it for a failure.
    """


def require_ours(report: Report) -> None:
    """Raise GivenAway when it is: to be asked right before a node is changed."""
    if report.is_given_away:
        raise GivenAway


class Phase(Protocol):
    """One phase under way."""

    async def progress(self, done_bytes: int, total_bytes: int | None) -> None:
        """Say how far it is; may be called for every chunk."""

    async def leg(self, name: str, figures: dict[str, Any]) -> None:
        """Say how one leg of the way stands: bytes, total, rate in bytes a second, note in words.

        May be called for every chunk.
        """


class Report(Protocol):
    """The runner's ear."""

    @property
    def is_given_away(self) -> bool:
        """Tell whether another process is to go on with the operation from where it is."""

    @property
    def ask_for_s(self) -> float:
        """Return how long a node that does not answer is asked, before nobody knows."""

    def limit_s(self, phase: str) -> float:
        """Return how long a phase may take."""

    def phase(self, name: str) -> AbstractAsyncContextManager[Phase]:
        """Run a phase: it succeeds, or fails with the exception that leaves the block."""

    async def skip(self, name: str, reason: str) -> None:
        """Say that a phase is not needed."""

    async def log(self, message: str, *, level: str = "info", phase: str = "") -> None:
        """Add a line to the operation's log; ``phase`` says to which it belongs if not to this."""

    async def findings(self, findings: Sequence[Finding]) -> None:
        """Show what preflight found."""

    async def record(self, **facts: Any) -> None:
        """Write facts into the journal; they are in the database when this returns."""

    async def keep_archive(
        self,
        incoming: IncomingFile,
        *,
        container: ContainerDetail,
        options: dict[str, Any],
        versions: dict[str, Any],
        changes: dict[str, Any] | None = None,
    ) -> int:
        """Put a whole file into the catalog and return the archive's id.

        What it holds is kept as soon as it is read. ``changes`` are those of its root filesystem,
        as the node listed them.
        """

    async def kept_archive(self, key: str) -> tuple[int, int] | None:
        """Return id and size in bytes of the archive with this key, None if it was never kept."""

    async def leave(self, node: str) -> None:
        """Note that something is left on a node, to be removed once that is possible."""

    async def container_is(self, podman_id: str) -> None:
        """Say which container the operation is about, as soon as that is known."""

    async def journal(self) -> dict[str, Any]:
        """Return all facts recorded so far, by an earlier process too."""
