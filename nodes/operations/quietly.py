"""Say what happens where nothing may depend on its being heard."""

from __future__ import annotations

import logging
from pathlib import PurePosixPath
from typing import Any

from nodes.operations.journal import Marks
from nodes.operations.report import Report
from nodes.operations.staging import remove_staging
from nodes.problem import FerryError
from nodes.ssh.session import NodeSession

logger = logging.getLogger(__name__)


async def say(report: Report, message: str, *, level: str = "info", phase: str = "") -> None:
    """Add a line to the operation's log; a database that fails does not stop a rollback."""
    try:
        await report.log(message, level=level, phase=phase)
    except Exception:
        logger.exception("could not write: %s", message)


async def note(report: Report, journal: Marks, **facts: Any) -> None:
    """Mark facts in the journal, in memory at least."""
    try:
        await journal.mark(report, **facts)
    except Exception:
        logger.exception("could not write into the journal: %s", facts)
        journal.set(**facts)


async def leave_no_staging(
    session: NodeSession, folder: PurePosixPath, report: Report
) -> list[str]:
    """Remove an operation's folder from a node; return what could not be removed, in words."""
    try:
        await remove_staging(session, folder)
    except FerryError as error:
        left = f"{folder} is left on {session.name}: {error.problem.cause or error}"
        await leave(report, session, left)
        return [left]
    return []


async def leave(report: Report, session: NodeSession, told: str) -> None:
    """Say what is left on a node, and have it removed once that is possible."""
    await say(report, told, level="warning")
    await note_leftover(report, session)


async def note_leftover(report: Report, session: NodeSession) -> None:
    """Have what is left on a node removed once that is possible."""
    try:
        await report.leave(session.name)
    except Exception:
        logger.exception("could not note what is left on %s", session.name)
