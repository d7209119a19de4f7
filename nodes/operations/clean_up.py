"""Remove what a committed migration leaves behind on both nodes."""

from __future__ import annotations

import logging
from collections.abc import Awaitable

from nodes.operations.journal import Journal
from nodes.operations.migration_plan import MigrationPlan
from nodes.operations.quietly import say
from nodes.operations.report import Report
from nodes.operations.staging import remove_staging
from nodes.podman import argv
from nodes.problem import FerryError
from nodes.ssh.session import NodeSession

logger = logging.getLogger(__name__)


async def clean_up(
    source: NodeSession,
    destination: NodeSession,
    plan: MigrationPlan,
    journal: Journal,
    report: Report,
) -> list[str]:
    """Return what could not be removed: after the commit nothing fails the migration."""
    leftovers: list[str] = []

    async def attempt(what: str, session: NodeSession, work: Awaitable[object]) -> None:
        try:
            await work
        except FerryError as error:
            leftovers.append(f"{what} is left on {session.name}: {error.problem.cause or error}")
            await say(report, leftovers[-1], level="warning")

    try:
        async with report.phase("clean-up"):
            if plan.options.keep_source:
                await say(report, f"The stopped container is kept on {source.name}.")
            else:
                # Not by force: whatever runs there now is not what this migration left.
                removal = source.run(argv.remove_stopped_argv(plan.container_id))
                await attempt("The container", source, removal)
                # Podman refuses to remove a volume that another container uses.
                for volume in journal.new_volumes:
                    removal = source.run(argv.volume_remove_argv(volume))
                    await attempt(f"Volume {volume}", source, removal)
                if not leftovers:
                    await say(report, f"Removed the container and its volumes from {source.name}.")
            for session in (source, destination):
                await attempt(str(plan.folder), session, remove_staging(session, plan.folder))
    except Exception as error:
        logger.exception("clean-up of operation %s", plan.operation_id)
        leftovers.append(f"The clean-up did not end: {error}")
    return leftovers
