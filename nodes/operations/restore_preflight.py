"""Ask a node whether an archive can be restored there, and change nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nodes.finding import Finding
from nodes.inventory.readiness import read_host_facts
from nodes.operations.preflight import by_level, look_at_destination, refuse_errors
from nodes.operations.preflight_checks import check_bind_sources, check_networks
from nodes.operations.preflight_host_checks import (
    check_created_under,
    check_destination_ready,
    check_runtime,
)
from nodes.operations.report import Report
from nodes.operations.restore_checks import (
    check_address,
    check_connections,
    check_image,
    check_made_elsewhere,
    check_name_free,
    check_pod,
    check_ports,
    check_processor,
    check_room,
    check_runs_elsewhere,
    check_tools,
    check_volumes,
)
from nodes.operations.restore_plan import RestorePlan, RestoreSurroundings
from nodes.podman.argv import pod_state_argv, restore_help_argv
from nodes.podman.info import HostInfo
from nodes.ssh.session import NodeSession

Check = Callable[[RestoreSurroundings, RestorePlan], Finding]

CHECKS: tuple[Check, ...] = (
    check_destination_ready,
    check_made_elsewhere,
    check_runtime,
    check_processor,
    check_tools,
    check_created_under,
    check_image,
    check_name_free,
    check_runs_elsewhere,
    check_pod,
    check_ports,
    check_volumes,
    check_bind_sources,
    check_networks,
    check_address,
    check_connections,
    check_room,
)


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """What the other nodes tell: which has the image, and where the container was seen running."""

    image_node: str
    running_on: Sequence[str]


async def look_around(
    destination: NodeSession, plan: RestorePlan, fleet: Fleet
) -> RestoreSurroundings:
    """Raise SshError's children, PodmanMissing, or UnreadableAnswer for an odd archive."""
    source = plan.source
    host, pod = await asyncio.gather(
        read_host_facts(destination),
        destination.run(pod_state_argv(plan.options.pod or "-"), check=False),
    )
    return RestoreSurroundings(
        source=source,
        destination=await look_at_destination(destination, host, source.container),
        # The archive lies there already.
        catalog_free_bytes=0,
        image_node=fleet.image_node,
        running_on=fleet.running_on,
        pod_state=pod.stdout.strip() if pod.exit_status == 0 else "",
        lacks_tcp_close=await _lacks_tcp_close(destination, host.info),
    )


async def _lacks_tcp_close(destination: NodeSession, info: HostInfo) -> str:
    """Return which of Podman and its OCI runtime does not know the option (runc 1.3.6 does not)."""
    runtime = info.runtime_path or info.runtime
    asked = {
        f"Podman {info.podman_version}": restore_help_argv(),
        f"{info.runtime} {info.runtime_version}": [runtime, "restore", "--help"],
    }
    for name, argv in asked.items():
        done = await destination.run(argv, check=False)
        if "tcp-close" not in done.stdout + done.stderr:
            return name
    return ""


def examine(near: RestoreSurroundings, plan: RestorePlan) -> list[Finding]:
    """Return one finding for each check, errors first."""
    return by_level(check(near, plan) for check in CHECKS)


async def require(
    destination: NodeSession, plan: RestorePlan, fleet: Fleet, report: Report
) -> RestoreSurroundings:
    """Return what was found, or raise PreflightFailed when a finding is an error."""
    async with report.phase("preflight"):
        near = await look_around(destination, plan, fleet)
        await refuse_errors(examine(near, plan), "restore", report)
    return near
