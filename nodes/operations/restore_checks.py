"""The single checks before a restore from the catalog: facts in, one finding out."""

from __future__ import annotations

from nodes.finding import Finding, error, ok, warning
from nodes.operations.preflight_checks import check_ports_free, room_for
from nodes.operations.preflight_host_checks import (
    check_architecture,
    check_versions,
)
from nodes.operations.restore_plan import RestorePlan, RestoreSurroundings
from nodes.podman.containers import ListedContainer

_ALIVE = ("running", "paused")


def check_made_elsewhere(near: RestoreSurroundings, plan: RestorePlan) -> Finding:
    if plan.versions:
        return ok("made-with", "The site knows what the archive was made with.")
    return warning(
        "made-with",
        "The archive was made elsewhere: nobody knows the processor and the versions it came from.",
        plan.archive_name,
        "If the restore fails, compare CRIU, Podman and the processor of the two hosts.",
    )


def check_processor(near: RestoreSurroundings, plan: RestorePlan) -> Finding:
    if not near.source.host.info.architecture:
        return ok("architecture", "The archive does not tell its processor.")
    return check_architecture(near, plan)


def check_tools(near: RestoreSurroundings, plan: RestorePlan) -> Finding:
    if not near.source.host.criu_version:
        return ok("versions", "The archive does not tell its versions.")
    return check_versions(near, plan)


def check_image(near: RestoreSurroundings, plan: RestorePlan) -> Finding:
    container = near.source.container
    evidence = f"{container.image_name} {container.image_id[:12]}"
    if near.destination.has_image:
        return ok("image", "The node has the image.", evidence)
    if near.image_node:
        message = f"The image is copied by ID from {near.image_node} before the restore."
        return ok("image", message, evidence)
    return error(
        "image",
        "No node that is online has the image of the archive.",
        evidence,
        "Bring that very image, with this ID, to any node: `podman save` where it is, then "
        "`podman load`.",
    )


def stopped_original(near: RestoreSurroundings, plan: RestorePlan) -> ListedContainer | None:
    """Return the archive's own container if the node has it, stopped."""
    wanted = near.source.container.podman_id
    for other in near.destination.containers:
        if wanted and other.podman_id == wanted and other.state not in _ALIVE:
            return other
    return None


def check_name_free(near: RestoreSurroundings, plan: RestorePlan) -> Finding:
    wanted = near.source.container
    original = stopped_original(near, plan)
    others = [
        other
        for other in near.destination.containers
        if other is not original
        and (other.name == wanted.name or other.podman_id == wanted.podman_id)
    ]
    evidence = ", ".join(
        f"{other.name} {other.podman_id[:12]} {other.state}"
        for other in [*others, *filter(None, [original])]
    )
    if others:
        return error(
            "name",
            f"A container on the node has the name {wanted.name}, or the archive's ID.",
            evidence,
            "Restore under a new name with --name, or rename or remove that container first.",
        )
    if original is None:
        return ok("name", f"The name {wanted.name} is free on the node.")
    if plan.options.replace:
        return warning(
            "name",
            "The stopped container is removed just before the restore. What it has changed since "
            "the checkpoint, volumes excepted, is lost.",
            evidence,
        )
    return error(
        "name",
        "The stopped container of which the archive was made is still on the node.",
        evidence,
        "Replace the stopped container, or restore under a new name with --name.",
        options={"replace": True},
    )


def check_runs_elsewhere(near: RestoreSurroundings, plan: RestorePlan) -> Finding:
    nodes = ", ".join(near.running_on)
    if plan.options.name:
        return ok("runs-elsewhere", "A copy under another name gets in nobody's way.", nodes)
    if not near.running_on:
        return ok("runs-elsewhere", "No other node runs this container.")
    return warning(
        "runs-elsewhere",
        f"The container runs on {nodes}. After the restore there are two, with one name and ID.",
        nodes,
        "Give the restored one a new name with --name, unless the other is to be stopped.",
    )


def check_pod(near: RestoreSurroundings, plan: RestorePlan) -> Finding:
    # Podman 5.8.6: "cannot restore non pod container into pod", and the other way round.
    came_from, wanted = str(plan.sections["config"].get("pod") or ""), plan.options.pod
    if came_from and not wanted:
        return error(
            "pod",
            "The container was in a pod, and can only be restored into one.",
            f"pod {came_from[:12]}",
            "Name a pod of the node with --pod; create it there first if there is none.",
        )
    if not wanted:
        return ok("pod", "It is restored outside any pod.")
    if not came_from:
        return error(
            "pod",
            "The container was in no pod, so Podman does not restore it into one.",
            wanted,
            "Restore it without --pod.",
        )
    if not near.pod_state:
        return error(
            "pod",
            f"There is no pod {wanted} on the node.",
            wanted,
            f"Create it there first: podman pod create --name {wanted}",
        )
    return ok("pod", f"The pod {wanted} is there.", wanted)


def check_ports(near: RestoreSurroundings, plan: RestorePlan) -> Finding:
    found = check_ports_free(near, plan)
    if found.level == "ok":
        return found
    return error(
        found.check,
        "A published port is taken on the node.",
        found.evidence,
        "Publish another one with --publish, or stop what listens there.",
    )


def check_volumes(near: RestoreSurroundings, plan: RestorePlan) -> Finding:
    volumes = near.source.container.volumes
    listed = ", ".join(volumes)
    present = [name for name in volumes if name in near.destination.volumes]
    stored = {volume["name"] for volume in plan.sections["volumes"] if volume["stored"]}
    if present and not plan.options.ignore_volumes:
        return error(
            "volumes",
            "A volume with the same name is on the node already.",
            ", ".join(present),
            "Set --ignore-volumes to use it as it is, or remove it there.",
            options={"ignore_volumes": True},
        )
    if present and plan.options.name:
        return warning(
            "volumes",
            "The clone shares these volumes with whatever uses them on the node.",
            ", ".join(present),
        )
    missing = [name for name in volumes if name not in present and name not in stored]
    if missing or (plan.options.ignore_volumes and len(present) < len(volumes)):
        empty = missing or [name for name in volumes if name not in present]
        return warning(
            "volumes", "The container finds these volumes empty on the node.", ", ".join(empty)
        )
    if plan.options.ignore_volumes:
        return ok("volumes", "The node's own volumes are used.", listed)
    return ok("volumes", "The volumes come from the archive." if volumes else "No volume.", listed)


def takes_new_address(near: RestoreSurroundings, plan: RestorePlan) -> bool:
    """Tell whether its address is taken, nobody insists on it, and Podman has to be told so."""
    clashes = near.source.container.addresses & near.destination.taken_addresses
    bound = plan.options.tcp_established or near.source.container.has_fixed_address
    return bool(clashes) and not bound and not plan.options.ignore_static_ip


def check_address(near: RestoreSurroundings, plan: RestorePlan) -> Finding:
    container = near.source.container
    clashes = ", ".join(sorted(container.addresses & near.destination.taken_addresses))
    if not clashes:
        return ok("addresses", "Its address is free.", ", ".join(sorted(container.addresses)))
    if plan.options.ignore_static_ip and not plan.options.tcp_established:
        return ok("addresses", "The container gets a new address.", f"{clashes} is taken")
    if takes_new_address(near, plan):
        return warning(
            "addresses",
            "The container gets a new address: another container on the node has its own.",
            f"{clashes} is taken",
        )
    return error(
        "addresses",
        "The container's address is taken on the node.",
        clashes,
        "Set --ignore-static-ip and restore without --tcp-established, or stop that container.",
        options={"ignore_static_ip": True},
    )


def check_connections(near: RestoreSurroundings, plan: RestorePlan) -> Finding:
    open_ones = [
        socket
        for socket in plan.sections["sockets"]
        if socket["state"] == "established" and socket["family"] in ("inet", "inet6")
    ]
    evidence = f"{len(open_ones)} established"
    if plan.options.tcp_close and near.lacks_tcp_close:
        return error(
            "connections",
            f"{near.lacks_tcp_close} on this node does not know --tcp-close.",
            evidence,
            "Keep the connections with --tcp-established under the container's own name, or "
            "choose another node.",
        )
    if not open_ones or plan.options.tcp_established or plan.options.tcp_close:
        return ok("connections", "Nothing stands in the way of its connections.", evidence)
    return error(
        "connections",
        "The archive holds open TCP connections.",
        evidence,
        "Keep them with --tcp-established, which needs the container's own name and address"
        + (", or close them with --tcp-close." if not near.lacks_tcp_close else "."),
        options=_about_connections(near, plan),
    )


def _about_connections(near: RestoreSurroundings, plan: RestorePlan) -> dict[str, bool]:
    if not near.lacks_tcp_close:
        return {"tcp_close": True}
    return {} if plan.options.name else {"tcp_established": True}


def check_room(near: RestoreSurroundings, plan: RestorePlan) -> Finding:
    need = plan.size_bytes + max(plan.unpacked_bytes, plan.size_bytes)
    return room_for({"node": (need, near.host.staging_free_bytes)})
