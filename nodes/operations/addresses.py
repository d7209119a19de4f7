"""Which address a container gets on the destination.

A restore asks for the address that the container had, be it fixed or not, and fails when another
container has it: `requested ip address … is already allocated` (Podman 5.8.6). The first
container of every host has 10.88.0.2, so that is the usual case, not a rare one.
"""

from __future__ import annotations

from dataclasses import replace

from nodes.operations.migration_plan import MigrationPlan, Surroundings
from nodes.podman.options import RestoreOptions


def clashing_addresses(near: Surroundings) -> list[str]:
    """Return the container's addresses that another container has on the destination."""
    return sorted(near.source.container.addresses & near.destination.taken_addresses)


def takes_new_address(near: Surroundings, plan: MigrationPlan) -> bool:
    """Tell whether the container can and must do without its address."""
    # An open connection needs the address that it was made with; a fixed one was chosen by
    # somebody, who has to say that another will do.
    bound = plan.options.tcp_established or near.source.container.has_fixed_address
    return bool(clashing_addresses(near)) and not bound


def restore_options(near: Surroundings, plan: MigrationPlan) -> RestoreOptions:
    """Return the plan's options, with a new address where the old one is taken."""
    if takes_new_address(near, plan):
        return replace(plan.options.restore, ignore_static_ip=True)
    return plan.options.restore
