"""Ask both nodes everything that decides whether a migration can work, and change nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Sequence
from dataclasses import replace

from nodes.finding import Finding, errors_in
from nodes.host.facts import HostFacts
from nodes.inventory.readiness import read_host_facts
from nodes.operations import preflight_checks
from nodes.operations.errors import PreflightFailed, WorkflowError
from nodes.operations.migration_plan import (
    DestinationFacts,
    MigrationPlan,
    SourceFacts,
    Surroundings,
)
from nodes.operations.own_address import look_at_networks
from nodes.operations.report import Report
from nodes.podman import argv
from nodes.podman.containers import (
    ContainerDetail,
    ListedContainer,
    parse_container_detail,
    parse_containers,
)
from nodes.podman.processes import parse_processes, processes_argv
from nodes.podman.sockets import (
    connections_argv,
    count_connections,
    count_outward_connections,
    parse_taken_ports,
    taken_ports_argv,
)
from nodes.ssh.errors import CommandFailed
from nodes.ssh.session import NodeSession


async def require(
    source: NodeSession,
    destination: NodeSession,
    plan: MigrationPlan,
    catalog_free_bytes: int,
    report: Report,
) -> Surroundings:
    """Return what was found, or raise PreflightFailed when a finding is an error."""
    async with report.phase("preflight"):
        surroundings = await look_around(source, destination, plan, catalog_free_bytes)
        await refuse_errors(examine(surroundings, plan), "migration", report)
    return surroundings


async def refuse_errors(findings: Sequence[Finding], what: str, report: Report) -> None:
    """Show what was found. Raises PreflightFailed when a finding is an error."""
    await report.findings(findings)
    if errors_in(findings):
        raise PreflightFailed(findings, what)


def examine(surroundings: Surroundings, plan: MigrationPlan) -> list[Finding]:
    """Return one finding for each check, errors first."""
    return by_level(check(surroundings, plan) for check in preflight_checks.CHECKS)


def by_level(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings, errors first."""
    order = {"error": 0, "warning": 1, "ok": 2}
    return sorted(findings, key=lambda finding: order[finding.level])


async def look_around(
    source: NodeSession, destination: NodeSession, plan: MigrationPlan, catalog_free_bytes: int
) -> Surroundings:
    """Raise SshError's children, PodmanMissing, or WorkflowError when there is no container."""
    source_facts, destination_host = await asyncio.gather(
        look_at_source(source, plan.container_id), read_host_facts(destination)
    )
    return await look_across(
        source, destination, source_facts, destination_host, catalog_free_bytes
    )


async def look_across(
    source: NodeSession,
    destination: NodeSession,
    source_facts: SourceFacts,
    destination_host: HostFacts,
    catalog_free_bytes: int,
) -> Surroundings:
    """Ask both nodes what decides whether a container that is known may go from one to the other.

    Raises as look_around does.
    """
    there, here, own = await asyncio.gather(
        look_at_destination(destination, destination_host, source_facts.container),
        look_at_networks(source, source_facts.container),
        look_at_networks(destination, source_facts.container),
    )
    return Surroundings(
        source=replace(source_facts, networks=here),
        destination=replace(there, own_networks=own),
        catalog_free_bytes=catalog_free_bytes,
    )


async def look_at_destination(
    destination: NodeSession, host: HostFacts, container: ContainerDetail
) -> DestinationFacts:
    ask = destination.run
    containers, volumes, networks, has_image, image, tcp, udp, *paths = await asyncio.gather(
        ask(argv.ps_argv()),
        ask(argv.volume_names_argv()),
        ask(argv.network_names_argv()),
        ask(argv.image_exists_argv(container.image_id), check=False),
        ask(argv.image_inspect_argv(container.image_name), check=False),
        # cat complains where IPv6 is switched off, and prints the rest.
        ask(taken_ports_argv("tcp"), check=False),
        ask(taken_ports_argv("udp"), check=False),
        *(ask(["test", "-e", path], check=False) for path in container.bind_sources),
    )
    listed = parse_containers(containers.stdout)
    return DestinationFacts(
        host=host,
        containers=listed,
        taken_addresses=await _addresses(destination, listed),
        has_image=has_image.exit_status == 0,
        image_id_of_name=(str(json.loads(image.stdout)[0]["Id"]) if image.exit_status == 0 else ""),
        volumes=frozenset(volumes.stdout.split()),
        networks=frozenset(networks.stdout.split()),
        taken_tcp_ports=frozenset(parse_taken_ports(tcp.stdout, "tcp")),
        taken_udp_ports=frozenset(parse_taken_ports(udp.stdout, "udp")),
        missing_bind_sources=[
            path
            for path, done in zip(container.bind_sources, paths, strict=True)
            if done.exit_status != 0
        ],
    )


async def _addresses(session: NodeSession, containers: Sequence[ListedContainer]) -> frozenset[str]:
    ids = [container.podman_id for container in containers if container.state == "running"]
    if not ids:
        return frozenset()
    # One that has just gone makes Podman complain about it and answer for the others.
    return frozenset((await session.run(argv.addresses_argv(ids), check=False)).stdout.split())


async def look_at_source(
    source: NodeSession, container_id: str, known: HostFacts | None = None
) -> SourceFacts:
    """Ask about the container, and about its host unless that is ``known`` already."""
    inspecting = inspect_container(source, container_id, size=True)
    if known is not None:
        host, container = known, await inspecting
    else:
        host, container = await asyncio.gather(read_host_facts(source), inspecting)
    processes, sockets = await asyncio.gather(
        source.run(processes_argv(container_id), check=False),
        source.run(connections_argv(container.pid), check=False),
    )
    # In the host's network the sockets are everybody's.
    own_network = container.network_mode != "host"
    return SourceFacts(
        host=host,
        container=container,
        processes=parse_processes(processes.stdout) if processes.exit_status == 0 else [],
        open_connections=count_connections(sockets.stdout) if own_network else 0,
        outward_connections=count_outward_connections(sockets.stdout) if own_network else 0,
    )


async def inspect_container(
    session: NodeSession, container_id: str, *, size: bool = False
) -> ContainerDetail:
    """Raise WorkflowError when the node has no such container."""
    try:
        done = await session.run(argv.inspect_argv(container_id, size=size))
    except CommandFailed as failure:
        if "no such container" not in failure.stderr.lower():
            raise
        raise WorkflowError(
            f"There is no container {container_id[:12]} on {session.name} any more.",
            cause=failure.stderr.strip(),
            remedy="Look at the node's page for what runs there now.",
        ) from failure
    return parse_container_detail(done.stdout)
