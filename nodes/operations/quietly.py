"""Say what happens where nothing may depend on its being heard."""

from __future__ import annotations

import logging
from typing import Any

from nodes.operations.journal import Journal
from nodes.operations.report import Report

logger = logging.getLogger(__name__)


async def say(report: Report, message: str, *, level: str = "info") -> None:
    """Add a line to the operation's log; a database that fails does not stop a rollback."""
    try:
        await report.log(message, level=level)
    except Exception:
        logger.exception("could not write: %s", message)


async def note(report: Report, journal: Journal, **facts: Any) -> None:
    """Mark facts in the journal, in memory at least."""
    try:
        await journal.mark(report, **facts)
    except Exception:
        logger.exception("could not write into the journal: %s", facts)
