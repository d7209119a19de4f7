"""An archive of the container counter, as one that a restore can be asked for."""

from __future__ import annotations

from typing import Any

from nodes.models import Archive, ArchiveOrigin, ArchiveSection, ContentsState, Node
from tests.factories import COUNTER_ID, make_archive

PORT = {"host_ip": "", "host_port": 8081, "container_port": 8080, "range": 1, "protocol": "tcp"}
BIND = {"kind": "bind", "what": "/etc", "why": "It could change the host.", "risk": "high"}
HOOK = {"kind": "hook", "what": "/bin/sh", "why": "It runs on the host.", "risk": "refused"}
SECTIONS: dict[str, Any] = {
    "config": {
        "id": COUNTER_ID,
        "name": "counter",
        "rootfsImageID": "a3" * 32,
        "rootfsImageName": "localhost/ferry-counter:latest",
        "runtime": "runc",
        "cgroupManager": "cgroupfs",
        "networkMode": "bridge",
        "newNetworks": {"podman": {"interface_name": "eth0"}},
        "newPortMappings": [PORT],
    },
    "spec": {"mounts": [], "process": {}},
    "networks": {"mode": "bridge", "networks": [], "ports": [PORT]},
    "processes": [{"pid": 1, "name": "counter"}],
    "sockets": [],
    "volumes": [],
    "privileges": [],
}


def make_restorable(
    node: Node | None = None, *, sections: dict[str, Any] | None = None, **values: Any
) -> Archive:
    """Make an archive whose contents were read; ``sections`` changes some of them."""
    values.setdefault("contents_state", ContentsState.READ)
    values.setdefault("image_id", "a3" * 32)
    archive = make_archive(node, **values)
    for name, data in {**SECTIONS, **(sections or {})}.items():
        ArchiveSection.objects.create(archive=archive, name=name, data=data)
    return archive


def make_uploaded(privileges: list[dict[str, str]]) -> Archive:
    return make_restorable(
        sections={"privileges": privileges}, origin=ArchiveOrigin.UPLOAD, name="from-elsewhere"
    )
