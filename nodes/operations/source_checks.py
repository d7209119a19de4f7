"""The checks that a checkpoint and a migration have in common: about the container where it is."""

from __future__ import annotations

import re
from typing import Protocol

from nodes.finding import Finding, error, ok, warning
from nodes.operations.migration_plan import SourceSide
from nodes.podman.containers import ContainerDetail

# What Podman calls a volume to which nobody has given a name.
_ANONYMOUS = re.compile(r"[0-9a-f]{64}")
_SYSTEMD_LABEL = "PODMAN_SYSTEMD_UNIT"
_DEVICES_WITH_STATE = re.compile(r"/dev/(?:nvidia|dri|kfd)")


class TcpOptions(Protocol):
    @property
    def tcp_established(self) -> bool: ...


class TcpPlan(Protocol):
    """Whatever is to be done, as far as open connections are concerned."""

    @property
    def options(self) -> TcpOptions: ...


class LeavingOptions(Protocol):
    @property
    def ignore_rootfs(self) -> bool: ...

    @property
    def ignore_volumes(self) -> bool: ...


class LeavingPlan(Protocol):
    """Whatever is to be done, as far as it leaves things out of the archive."""

    @property
    def options(self) -> LeavingOptions: ...


def check_container_runs(near: SourceSide, plan: object) -> Finding:
    container = near.source.container
    if container.running:
        return ok("container-runs", f"{container.name} is running.", container.state)
    return error(
        "container-runs",
        f"{container.name} is not running, so there is no memory to move.",
        f"state: {container.state}",
        "Start the container first.",
    )


def check_connections(near: SourceSide, plan: TcpPlan) -> Finding:
    found = near.source.open_connections
    evidence = f"{found} established"
    if not found:
        return ok("connections", "No TCP connection is open at the moment.", evidence)
    if plan.options.tcp_established:
        return ok("connections", "Open TCP connections are taken along.", evidence)
    return warning(
        "connections",
        "TCP connections are open. If they still are at the checkpoint, it fails and the "
        "container goes on here.",
        evidence,
        "Choose --tcp-established, or wait until the clients are gone.",
    )


def check_restarts(near: SourceSide, plan: LeavingPlan) -> Finding:
    container = near.source.container
    unit = container.labels.get(_SYSTEMD_LABEL)
    if unit:
        return error(
            "restarts",
            "systemd manages this container on the source and would start it again.",
            f"{_SYSTEMD_LABEL}={unit}",
            "Run the container without its unit first, or move the unit by hand.",
        )
    if container.auto_remove:
        return _about_auto_remove(container, plan.options)
    return ok("restarts", "Nothing restarts the container on the source.")


def _about_auto_remove(container: ContainerDetail, options: LeavingOptions) -> Finding:
    """Podman removes the container and its anonymous volumes, so its archive has to hold all."""
    anonymous = [name for name in container.volumes if _ANONYMOUS.fullmatch(name)]
    if options.ignore_rootfs or (anonymous and options.ignore_volumes):
        return error(
            "restarts",
            "The container was started with --rm: what is left out of its archive would be lost.",
            "AutoRemove: true",
            "Leave out neither its root filesystem nor its volumes.",
        )
    if anonymous and len(anonymous) < len(container.volumes):
        return error(
            "restarts",
            "The container was started with --rm and has volumes with and without a name: if "
            "anything failed, Podman could not bring both back.",
            ", ".join(container.volumes),
            "Run it without --rm, or with named volumes only.",
        )
    return warning(
        "restarts",
        "The container was started with --rm: Podman removes it with the checkpoint, and if "
        "anything fails it is brought back from its archive.",
        "AutoRemove: true",
    )


def check_terminal(near: SourceSide, plan: object) -> Finding:
    sessions = near.source.container.exec_sessions
    if sessions:
        return warning(
            "terminal",
            "Commands started with `podman exec` run in the container; they are lost.",
            ", ".join(session[:12] for session in sessions),
            "Wait for them, or start them again after the move.",
        )
    if near.source.container.tty:
        return warning(
            "terminal",
            "The container has a terminal; whoever is attached to it is cut off.",
            "Tty: true",
        )
    return ok("terminal", "Nobody is attached to a terminal.")


def check_devices(near: SourceSide, plan: object) -> Finding:
    devices = near.source.container.devices
    if not devices:
        return ok("devices", "No device of the host is given to the container.")
    state = [path for path in devices if _DEVICES_WITH_STATE.search(path)]
    if state:
        return error(
            "devices",
            "The container uses a device whose state CRIU cannot save, such as a GPU.",
            ", ".join(state),
            "Run the container without it; with it, it cannot move.",
        )
    return warning(
        "devices",
        "The container uses devices of its host. If a program has one open, the checkpoint fails "
        "and the container goes on here.",
        ", ".join(devices),
        "Make sure that the destination has the same devices.",
    )
