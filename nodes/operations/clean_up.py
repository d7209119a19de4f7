"""Remove what a committed migration leaves behind on both nodes."""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable

from nodes.operations.held_address import let_go
from nodes.operations.journal import Journal
from nodes.operations.migration_plan import MigrationPlan
from nodes.operations.quietly import leave, note_leftover, say
from nodes.operations.report import Report
from nodes.operations.staging import remove_staging
from nodes.podman import argv
from nodes.problem import FerryError
from nodes.ssh.errors import CommandFailed
from nodes.ssh.session import NodeSession

# As Podman 5.8.6 says it.
_GONE = re.compile("no such (container|volume)")
_IN_USE = re.compile("volume is being used")
logger = logging.getLogger(__name__)


async def clean_up(
    source: NodeSession,
    destination: NodeSession,
    plan: MigrationPlan,
    journal: Journal,
    report: Report,
) -> list[str]:
    """Return what could not be removed: after the commit nothing fails the migration."""
    tidying = _Tidying(plan, journal, report)
    try:
        async with report.phase("clean-up"):
            if plan.options.keep_source:
                await say(report, f"The stopped container is kept on {source.name}.")
            else:
                await tidying.remove_container(source)
            for session in (source, destination):
                await tidying.remove_ours(session)
    except Exception as error:
        logger.exception("clean-up of operation %s", plan.operation_id)
        tidying.leftovers.append(f"The clean-up did not end: {error}")
        for session in (source, destination):
            await note_leftover(report, session)
    return tidying.leftovers


async def clean_up_late(
    source: NodeSession, plan: MigrationPlan, journal: Journal, report: Report
) -> list[str]:
    """Do on the source what the clean-up could not; return what is left all the same."""
    tidying = _Tidying(plan, journal, report)
    if not plan.options.keep_source:
        await tidying.remove_container(source)
    await tidying.remove_ours(source)
    return tidying.leftovers


class _Tidying:
    def __init__(self, plan: MigrationPlan, journal: Journal, report: Report) -> None:
        self._plan = plan
        self._journal = journal
        self._report = report
        self.leftovers: list[str] = []

    async def remove_container(self, source: NodeSession) -> None:
        # Not by force: whatever runs there now is not what this migration left.
        removal = source.run(argv.remove_stopped_argv(self._plan.container_id))
        await self._attempt("The container", source, removal)
        for volume in self._journal.new_volumes:
            removal = source.run(argv.volume_remove_argv(volume))
            await self._attempt(f"Volume {volume}", source, removal)
        if not self.leftovers:
            told = f"Removed the container and its volumes from {source.name}."
            await say(self._report, told)

    async def remove_ours(self, session: NodeSession) -> None:
        folder = self._plan.folder
        release = let_go(session, self._journal, self._plan, self._report)
        await self._attempt("An nftables table of Ferry", session, release)
        await self._attempt(str(folder), session, remove_staging(session, folder))

    async def _attempt(self, what: str, session: NodeSession, work: Awaitable[object]) -> None:
        try:
            await work
        except FerryError as error:
            refusal = error.stderr if isinstance(error, CommandFailed) else ""
            if _GONE.search(refusal):
                # An attempt that nobody heard the end of has removed it.
                return
            left = f"{what} is left on {session.name}: {error.problem.cause or error}"
            self.leftovers.append(left)
            if _IN_USE.search(refusal):
                # Another container's, too: it stays.
                await say(self._report, left, level="warning")
            else:
                await leave(self._report, session, left)
