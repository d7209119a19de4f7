"""Ask a node whether one of its containers can be checkpointed, and change nothing."""

from __future__ import annotations

from collections.abc import Callable

from nodes.finding import Finding, ok
from nodes.operations.checkpoint_plan import CheckpointPlan
from nodes.operations.migration_plan import SourceSide
from nodes.operations.preflight import by_level, look_at_source, refuse_errors
from nodes.operations.preflight_checks import room_for
from nodes.operations.preflight_host_checks import check_source_ready
from nodes.operations.report import Report
from nodes.operations.source_checks import (
    check_connections,
    check_container_runs,
    check_devices,
    check_restarts,
    check_terminal,
)
from nodes.ssh.session import NodeSession

Check = Callable[[SourceSide, CheckpointPlan], Finding]


def check_restarts_after(near: SourceSide, plan: CheckpointPlan) -> Finding:
    if plan.options.leave_running:
        return ok("restarts", "The container runs on; nothing restarts it.")
    return check_restarts(near, plan)


def check_room(near: SourceSide, plan: CheckpointPlan) -> Finding:
    archive = near.source.estimated_archive_bytes
    # What CRIU writes, and the archive that Podman makes of it.
    return room_for(
        {
            "node": (
                archive * 2,
                near.source.host.staging_free_bytes,
            ),
            "catalog": (archive, near.catalog_free_bytes),
        }
    )


CHECKS: tuple[Check, ...] = (
    check_container_runs,
    check_source_ready,
    check_connections,
    check_room,
    check_restarts_after,
    check_terminal,
    check_devices,
)


async def look_around(
    node: NodeSession, plan: CheckpointPlan, catalog_free_bytes: int
) -> SourceSide:
    """Raise SshError's children, PodmanMissing, or WorkflowError when there is no container."""
    source = await look_at_source(node, plan.container_id)
    return SourceSide(source=source, catalog_free_bytes=catalog_free_bytes)


def examine(near: SourceSide, plan: CheckpointPlan) -> list[Finding]:
    """Return one finding for each check, errors first."""
    return by_level(check(near, plan) for check in CHECKS)


async def require(
    node: NodeSession, plan: CheckpointPlan, catalog_free_bytes: int, report: Report
) -> SourceSide:
    """Return what was found, or raise PreflightFailed when a finding is an error."""
    async with report.phase("preflight"):
        near = await look_around(node, plan, catalog_free_bytes)
        await refuse_errors(examine(near, plan), "checkpoint", report)
    return near
