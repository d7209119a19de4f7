"""Hold back what is sent to a moving container around each restore of it, and undo it for certain.

The shell around the restore does both on the node itself, so that neither a lost connection nor the
end of the site makes it longer; what is here sees to a shell that was killed.
"""

from __future__ import annotations

from nodes.operations.journal import Journal
from nodes.operations.migration_plan import MigrationPlan
from nodes.operations.quietly import say
from nodes.operations.report import Report
from nodes.podman.hold_address import Hold, notes_argv, release_argv
from nodes.problem import FerryError
from nodes.ssh.session import NodeSession

SOURCE = "source"
DESTINATION = "destination"


def holding(journal: Journal, plan: MigrationPlan, side: str) -> list[str]:
    """Return what is to be put before a restore's argv on that side; nothing where none is held."""
    hold = Hold.parse(journal.holds.get(side, {}))
    if hold is None:
        return []
    return hold.around_argv(
        operation_id=plan.operation_id, folder=str(plan.folder), container=plan.container_id
    )


async def tell_what_failed(
    session: NodeSession, journal: Journal, plan: MigrationPlan, report: Report
) -> None:
    """Say what went wrong around a restore; it has ended well all the same."""
    if not journal.holds:
        return
    try:
        done = await session.run(notes_argv(str(plan.folder)), check=False)
    except FerryError as error:
        await say(report, f"{session.name}: {error}", level="warning")
        return
    lost = "Open connections may be lost" if plan.options.tcp_established else "The address is kept"
    for line in done.stdout.splitlines() if done.exit_status == 0 else ():
        told = f"{lost} on {session.name}: {line}"
        await say(report, told, level="warning")


async def let_go(
    session: NodeSession, journal: Journal, plan: MigrationPlan, report: Report
) -> None:
    """Remove what a killed restore has left held back on a node. Raises what the node says."""
    if not journal.holds:
        return
    done = await session.run(release_argv(plan.operation_id))
    if done.stdout.strip():
        await say(report, f"Packets to the container are let through on {session.name} again.")
