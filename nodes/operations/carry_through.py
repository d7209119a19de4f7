"""Hold the boundary of a migration: until its commit it is rolled back, from then on never."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from nodes.operations.clean_up import clean_up
from nodes.operations.journal import Journal
from nodes.operations.migration_plan import MigrationPlan, MigrationResult
from nodes.operations.quietly import note
from nodes.operations.report import Report
from nodes.operations.rollback import Place, bring_back
from nodes.ssh.session import NodeSession
from nodes.uninterrupted import uninterrupted


async def carry_through(
    source: NodeSession,
    destination: NodeSession,
    plan: MigrationPlan,
    journal: Journal,
    report: Report,
    go: Callable[[], Awaitable[list[str]]],
) -> MigrationResult:
    """Do ``go``, which ends with the container verified on the destination, and tidy up.

    Raises what ``go`` raises once the container runs on the source again; it is carried through
    all the same when only the destination has it and the source does not answer.
    """
    try:
        warnings = await go()
        await uninterrupted(journal.mark(report, committed=True))
    except BaseException:
        if report.is_given_away:
            raise
        place = await uninterrupted(bring_back(source, destination, plan, journal, report))
        if place is Place.SOURCE:
            raise
        warnings = [f"{source.name} does not answer: what is left there could not be removed."]
        await note(report, journal, committed=True, rolling_back=False)
    return await finish(source, destination, plan, journal, report, warnings)


async def finish(
    source: NodeSession,
    destination: NodeSession,
    plan: MigrationPlan,
    journal: Journal,
    report: Report,
    warnings: list[str],
) -> MigrationResult:
    """Tidy up after the commit.

    From here nothing may fail the migration. A leftover on the source is a warning, a second
    running copy is a bug.
    """
    leftovers = await uninterrupted(clean_up(source, destination, plan, journal, report))
    return MigrationResult(
        downtime_s=journal.downtime_s,
        frozen_s=journal.checkpoint_statistics.get("frozen_time_s"),
        archive_id=journal.archive_id or 0,
        archive_bytes=journal.archive_bytes,
        destination_container_id=plan.container_id,
        checkpoint_statistics=journal.checkpoint_statistics,
        restore_statistics=journal.restore_statistics,
        warnings=warnings + leftovers,
    )
