"""The single checks of a migration's preflight: facts in, one finding out."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from nodes.finding import Finding, error, ok, warning
from nodes.operations.addresses import clashing_addresses, takes_new_address
from nodes.operations.connection_checks import check_open_connections
from nodes.operations.migration_plan import MigrationPlan, Surroundings
from nodes.operations.preflight_host_checks import (
    check_architecture,
    check_clocks,
    check_created_under,
    check_destination_ready,
    check_runtime,
    check_source_ready,
    check_versions,
)
from nodes.operations.source_checks import (
    check_container_runs,
    check_devices,
    check_restarts,
    check_terminal,
)

Check = Callable[[Surroundings, MigrationPlan], Finding]
# A disk that is filled to the last byte breaks more than this operation.
RESERVE_BYTES = 64 * 1024 * 1024


def check_image(near: Surroundings, plan: MigrationPlan) -> Finding:
    container, there = near.source.container, near.destination
    evidence = f"{container.image_name} {container.image_id[:12]}"
    if there.has_image:
        return ok("image", "The destination has the image.", evidence)
    if there.image_id_of_name and there.image_id_of_name != container.image_id:
        return warning(
            "image",
            f"{container.image_name} is another image on the destination. The container's own "
            "is copied by ID, without a name.",
            f"source {container.image_id[:12]}, destination {there.image_id_of_name[:12]}",
        )
    return ok("image", "The image is copied by ID before the checkpoint.", evidence)


def check_name_free(near: Surroundings, plan: MigrationPlan) -> Finding:
    name, container_id = near.source.container.name, near.source.container.podman_id
    for other in near.destination.containers:
        if other.podman_id == container_id:
            return error(
                "name",
                "The destination still has a container with this ID.",
                f"{other.name} {other.podman_id[:12]} {other.state}",
                "Remove it there if it is what an earlier move left behind.",
            )
        if other.name == name:
            return error(
                "name",
                f"The name {name} is taken on the destination.",
                f"{other.name} {other.podman_id[:12]} {other.state}",
                "Rename or remove that container first.",
            )
    return ok("name", f"The name {name} and the ID are free on the destination.")


def check_ports_free(near: Surroundings, plan: object) -> Finding:
    there = near.destination
    taken = {"tcp": set(there.taken_tcp_ports), "udp": set(there.taken_udp_ports)}
    for other in there.containers:
        if other.state == "running":
            for port in other.ports:
                taken.setdefault(port.protocol, set()).update(port.host_ports)
    wanted = near.source.container.ports
    clashes = [
        f"{port.host_port}/{port.protocol}"
        for port in wanted
        if port.host_port in taken.get(port.protocol, set())
    ]
    if clashes:
        return error(
            "ports",
            "A published port is taken on the destination.",
            ", ".join(sorted(set(clashes))),
            "Stop what listens there, or choose another destination.",
        )
    listed = ", ".join(sorted({f"{port.host_port}/{port.protocol}" for port in wanted}))
    message = "The published ports are free." if wanted else "No port is published."
    return ok("ports", message, listed)


def check_volumes(near: Surroundings, plan: MigrationPlan) -> Finding:
    volumes = near.source.container.volumes
    present = [name for name in volumes if name in near.destination.volumes]
    if plan.options.ignore_volumes:
        missing = [name for name in volumes if name not in near.destination.volumes]
        if missing:
            return warning(
                "volumes",
                "With --ignore-volumes the container finds these volumes empty on the destination.",
                ", ".join(missing),
            )
        return ok("volumes", "The destination's own volumes are used.", ", ".join(present))
    if present:
        return error(
            "volumes",
            "A volume with the same name is on the destination already.",
            ", ".join(present),
            "Remove it there, or set --ignore-volumes to use it as it is.",
            options={"ignore_volumes": True},
        )
    return ok(
        "volumes",
        "The volumes travel in the archive." if volumes else "There is no volume.",
        ", ".join(volumes),
    )


def check_bind_sources(near: Surroundings, plan: object) -> Finding:
    missing = near.destination.missing_bind_sources
    if missing:
        return error(
            "bind-mounts",
            "A folder or file that is mounted from the host is missing on the destination.",
            ", ".join(missing),
            "Bring it to the destination first: bind mounts never travel in the archive.",
        )
    sources = near.source.container.bind_sources
    if sources:
        return warning(
            "bind-mounts",
            "Bind mounts do not travel: the container will see the destination's own files.",
            ", ".join(sources),
            "Make sure that their content is the same.",
        )
    return ok("bind-mounts", "There is no bind mount.")


def check_networks(near: Surroundings, plan: object) -> Finding:
    networks = near.source.container.networks
    missing = [name for name in networks if name not in near.destination.networks]
    if missing:
        return error(
            "networks",
            "A network of the container is missing on the destination.",
            ", ".join(missing),
            f"Create it there: podman network create {missing[0]}",
        )
    return ok("networks", "The networks are there.", ", ".join(networks))


def check_addresses(near: Surroundings, plan: MigrationPlan) -> Finding:
    clashing = ", ".join(clashing_addresses(near))
    if not clashing:
        addresses = ", ".join(sorted(near.source.container.addresses))
        return ok("addresses", "The container keeps its address.", addresses)
    if plan.options.tcp_established:
        return error(
            "addresses",
            "The container's address is taken on the destination, and open connections need it.",
            clashing,
            "Stop the container that has it there, or migrate without --tcp-established.",
        )
    if plan.options.ignore_static_ip:
        return ok("addresses", "The container gets a new address.", f"{clashing} is taken")
    if takes_new_address(near, plan):
        return warning(
            "addresses",
            "The container gets a new address: another container has its own on the destination.",
            f"{clashing} is taken",
        )
    return error(
        "addresses",
        "The container's fixed address is taken on the destination.",
        clashing,
        "Stop the container that has it there, or set --ignore-static-ip to take a new one.",
        options={"ignore_static_ip": True},
    )


def check_free_space(near: Surroundings, plan: MigrationPlan) -> Finding:
    archive = near.source.estimated_archive_bytes
    # The destination holds the archive and, while restoring, what is unpacked from it.
    wanted = {
        "source": (archive * 2, near.source.host.staging_free_bytes),
        "destination": (archive * 2, near.destination.host.staging_free_bytes),
        "catalog": (archive, near.catalog_free_bytes),
    }
    return room_for(wanted)


def room_for(wanted: Mapping[str, tuple[int, int]]) -> Finding:
    """Compare what is needed with what is free, both in bytes, at each place."""
    evidence = ", ".join(
        f"{place}: {need >> 20} MiB of {free >> 20} MiB free"
        for place, (need, free) in wanted.items()
    )
    short = [place for place, (need, free) in wanted.items() if need + RESERVE_BYTES > free]
    if short:
        return error(
            "free-space",
            f"There is too little free space: {', '.join(short)}.",
            evidence,
            "Free space there; the archive grows with the container's memory.",
        )
    return ok("free-space", "There is room for the archive everywhere.", evidence)


CHECKS: tuple[Check, ...] = (
    check_container_runs,
    check_source_ready,
    check_destination_ready,
    check_runtime,
    check_architecture,
    check_versions,
    check_clocks,
    check_created_under,
    check_image,
    check_name_free,
    check_ports_free,
    check_volumes,
    check_bind_sources,
    check_networks,
    check_addresses,
    check_open_connections,
    check_free_space,
    check_restarts,
    check_terminal,
    check_devices,
)
