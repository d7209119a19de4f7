"""One fact about the container or the destination changed, one finding expected."""

from __future__ import annotations

from nodes.operations import preflight_checks as checks
from nodes.podman.containers import Mount
from tests.unit.builders import COUNTER_ID, OTHER_ID, make_bind, make_neighbour, make_port
from tests.unit.builders import make_surroundings as near
from tests.unit.preflight_cases import Case

_SYSTEMD = {"labels": {"PODMAN_SYSTEMD_UNIT": "container-counter.service"}}
_VOLUME = frozenset({"counter-data"})
_CLAIMS = [make_port(8080, count=2)]
_REMOVED_AT_EXIT = {"auto_remove": True}
_ADDRESS = frozenset({"10.88.0.2"})
_FIXED = {"has_fixed_address": True}

ABOUT_THE_CONTAINER = [
    Case(
        "stopped", checks.check_container_runs, "error", "state: exited",
        near(container={"running": False, "state": "exited"}),
    ),
    Case(
        "image to be copied", checks.check_image, "ok", "copied by ID", near(has_image=False),
    ),
    Case(
        "image's name is another's", checks.check_image, "warning", f"destination {OTHER_ID[:12]}",
        near(has_image=False, image_id_of_name=OTHER_ID),
    ),
    Case(
        "name taken", checks.check_name_free, "error", f"counter {OTHER_ID[:12]} exited",
        near(containers=[make_neighbour(name="counter", state="exited")]),
    ),
    Case(
        "ID taken", checks.check_name_free, "error", f"renamed {COUNTER_ID[:12]} running",
        near(containers=[make_neighbour(name="renamed", podman_id=COUNTER_ID)]),
    ),
    Case(
        "port of a program", checks.check_ports_free, "error", "8081/tcp",
        near(taken_tcp_ports=frozenset({8081})),
    ),
    Case(
        "port of the other protocol", checks.check_ports_free, "ok", "8081/tcp",
        near(taken_udp_ports=frozenset({8081})),
    ),
    Case(
        "port in a container's range", checks.check_ports_free, "error", "8081/tcp",
        near(containers=[make_neighbour(ports=_CLAIMS)]),
    ),
    Case(
        "port of a stopped container", checks.check_ports_free, "ok", "8081/tcp",
        near(containers=[make_neighbour(ports=_CLAIMS, state="exited")]),
    ),
    Case(
        "no port", checks.check_ports_free, "ok", "No port",
        near(container={"ports": []}, taken_tcp_ports=frozenset({8081})),
    ),
    Case(
        "volume there", checks.check_volumes, "error", "counter-data", near(volumes=_VOLUME),
    ),
    Case(
        "volume there and wanted", checks.check_volumes, "ok", "counter-data",
        near(volumes=_VOLUME), {"ignore_volumes": True},
    ),
    Case(
        "volume wanted but not there", checks.check_volumes, "warning", "counter-data", near(),
        {"ignore_volumes": True},
    ),
    Case(
        "bind source missing", checks.check_bind_sources, "error", "/srv/site",
        near(container={"mounts": [make_bind("/srv/site")]}, missing_bind_sources=["/srv/site"]),
    ),
    Case(
        "bind source there", checks.check_bind_sources, "warning", "/srv/site",
        near(container={"mounts": [make_bind("/srv/site")]}),
    ),
    Case(
        "tmpfs is no bind mount", checks.check_bind_sources, "ok", "no bind mount",
        near(container={"mounts": [Mount(type="tmpfs", name="", source="", destination="/t")]}),
    ),
    Case(
        "network missing", checks.check_networks, "error", "grove",
        near(container={"networks": ["podman", "grove"]}),
    ),
    Case(
        "address taken", checks.check_addresses, "warning", "10.88.0.2",
        near(taken_addresses=_ADDRESS),
    ),
    Case(
        "fixed address taken", checks.check_addresses, "error", "10.88.0.2",
        near(container=_FIXED, taken_addresses=_ADDRESS),
    ),
    Case(
        "fixed address taken and given up", checks.check_addresses, "ok", "10.88.0.2",
        near(container=_FIXED, taken_addresses=_ADDRESS), {"ignore_static_ip": True},
    ),
    Case(
        "address of open connections taken", checks.check_addresses, "error", "10.88.0.2",
        near(taken_addresses=_ADDRESS), {"tcp_established": True},
    ),
    Case(
        "other addresses taken", checks.check_addresses, "ok", "10.88.0.2",
        near(container=_FIXED, taken_addresses=frozenset({"10.88.0.3"})),
    ),
    Case(
        "systemd's unit", checks.check_restarts, "error", "container-counter.service",
        near(container=_SYSTEMD),
    ),
    Case(
        "--rm", checks.check_restarts, "warning", "AutoRemove", near(container=_REMOVED_AT_EXIT),
    ),
    Case(
        "open connections", checks.check_open_connections, "warning", "2 established",
        near(open_connections=2),
    ),
    Case(
        "open connections taken along", checks.check_open_connections, "ok", "2 established",
        near(open_connections=2), {"tcp_established": True},
    ),
    Case(
        "exec sessions", checks.check_terminal, "warning", "7657bdea19a4",
        near(container={"exec_sessions": ["7657bdea19a42b0bc591"]}),
    ),
    Case(
        "a GPU", checks.check_devices, "error", "/dev/nvidia0",
        near(container={"devices": ["/dev/fuse", "/dev/nvidia0"]}),
    ),
    Case(
        "another device", checks.check_devices, "warning", "/dev/fuse",
        near(container={"devices": ["/dev/fuse"]}),
    ),
    Case("tty", checks.check_terminal, "warning", "Tty", near(container={"tty": True})),
]  # fmt: skip
