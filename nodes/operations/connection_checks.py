"""Say before a move whether the open connections of a container will survive it, and why not."""

from __future__ import annotations

from dataclasses import replace

from nodes.finding import Finding, Level, ok, warning
from nodes.operations.migration_plan import MigrationPlan, Surroundings
from nodes.operations.own_address import moving, staying, why_lost
from nodes.podman.announce import SENDERS

_CHECK = "connections"
KEEP = "Keep open connections"


def answers_keep(finding: Finding) -> bool:
    """Tell whether a finding says that open connections are kept."""
    return finding.check == _CHECK and finding.level == Level.OK


def check_open_connections(near: Surroundings, plan: MigrationPlan) -> Finding:
    """Judge a migration; for a checkpoint see source_checks.check_connections."""
    found = near.source.open_connections
    evidence = f"{found} established"
    lost = why_lost(near, plan)
    if not plan.options.tcp_established:
        return _without_option(found, evidence, lost)
    if not found:
        what = "No TCP connection is open at the moment."
        return ok(_CHECK, f"{what} {_one_made_meanwhile(lost)}", evidence)
    if not near.source.outward_connections:
        return ok(_CHECK, "Open TCP connections are taken along.", evidence)
    if lost:
        return warning(
            _CHECK,
            f"Open TCP connections to other hosts will be lost. {lost}",
            evidence,
            _remedy(near),
        )
    return _kept(near, evidence)


def _one_made_meanwhile(lost: str) -> str:
    if lost:
        return f"One that is made before the checkpoint will be lost. {lost}"
    return "One that is made before the checkpoint is kept."


def _without_option(found: int, evidence: str, lost: str) -> Finding:
    if not found:
        return ok(_CHECK, "No TCP connection is open at the moment.", evidence)
    what = (
        "TCP connections are open. If they still are at the checkpoint, it fails and the "
        "container goes on here."
    )
    if lost:
        remedy = f"Wait until the clients are gone, or choose {KEEP} (--tcp-established). {lost}"
        return warning(_CHECK, what, evidence, remedy)
    offered = warning(_CHECK, what, evidence, f"Choose {KEEP}: they survive the move.")
    return replace(offered, options={"tcp_established": True})


def _kept(near: Surroundings, evidence: str) -> Finding:
    addresses = ", ".join(address for one in moving(near) for address in one.addresses)
    evidence = f"{evidence}; {addresses}"
    if staying(near):
        return warning(
            _CHECK,
            f"Open TCP connections to {addresses} are kept, others are lost: their networks give "
            "the container no address that goes with it.",
            f"{evidence}; {', '.join(staying(near))}",
        )
    if near.source.networks.refusal:
        return warning(
            _CHECK,
            "Open TCP connections are kept, unless the move fails: the source cannot hold back "
            "what their clients send while the container is brought back there.",
            near.source.networks.refusal,
            "Install nftables on the source.",
        )
    if not near.destination.host.tools.intersection(SENDERS):
        return warning(
            _CHECK,
            "Open TCP connections are kept, but a switch may notice the new place of "
            f"{addresses} late: the destination has nothing to announce it with.",
            evidence,
            f"Install {' or '.join(SENDERS)} there.",
        )
    return ok(
        _CHECK,
        f"Open TCP connections to {addresses} are kept: what their clients send meanwhile waits "
        "until the container runs.",
        evidence,
    )


def _remedy(near: Surroundings) -> str:
    if moving(near):
        return "Install nftables on the destination, or wait until the clients are gone."
    return (
        "Wait until the clients are gone. Connections can only move with a container that has an "
        "address of its own, on a macvlan network that both nodes have."
    )
