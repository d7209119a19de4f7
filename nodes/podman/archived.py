"""Read the container that an archive holds as if `podman container inspect` had told it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nodes.podman.answer import list_of, number_of, reading, text_of, texts_of
from nodes.podman.containers import FIXED_ADDRESS, ContainerDetail, Mount, Port

_LAST_PORT = 65535
# Files that Podman itself makes for each container and mounts into it.
_PODMANS_OWN = ("/userdata/", "/run/containers/", "/run/user/")


@reading("the archive's config.dump")
def archived_container(sections: Mapping[str, Any]) -> ContainerDetail:
    """Read the sections config, spec and networks of nodes.catalog.contents.

    Raises UnreadableAnswer.
    """
    config, spec = sections["config"], sections["spec"]
    return ContainerDetail(
        podman_id=text_of(config["id"], 64),
        name=text_of(config["name"], 255),
        image_id=text_of(config.get("rootfsImageID"), 64),
        image_name=text_of(config.get("rootfsImageName"), 512),
        state="archived",
        running=False,
        restarts=0,
        pid=0,
        exit_code=0,
        runtime=text_of(config.get("runtime")),
        mounts=[*_volumes(config), *_binds(config, spec)],
        ports=_ports(config),
        networks=sorted(texts_of(list(dict(config.get("newNetworks") or {})))),
        addresses=_addresses(sections),
        has_fixed_address=any(
            FIXED_ADDRESS.search(word) for word in texts_of(config.get("CreateCommand"))
        ),
        labels=_labels(config),
        auto_remove=False,
        tty=bool((spec.get("process") or {}).get("terminal")),
        network_mode=text_of(config.get("networkMode")),
        cgroup_manager=text_of(config.get("cgroupManager")),
        checkpoint_path="",
        checkpoint_log="",
        restore_log="",
        rootfs_changes_bytes=0,
        exec_sessions=[],
        devices=_devices(spec),
        raw={},
    )


def _labels(config: Mapping[str, Any]) -> dict[str, str]:
    return {text_of(key): text_of(value) for key, value in dict(config.get("labels") or {}).items()}


def _addresses(sections: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(
        text_of(address).partition("/")[0]
        for network in sections["networks"]["networks"]
        for interface in network["interfaces"]
        for address in interface["addresses"]
    )


def _devices(spec: Mapping[str, Any]) -> list[str]:
    linux = spec.get("linux") or {}
    return [text_of(device.get("path")) for device in list_of(linux.get("devices"))]


def _volumes(config: Mapping[str, Any]) -> list[Mount]:
    return [
        Mount(
            type="volume",
            name=text_of(volume.get("volumeName")),
            source="",
            destination=text_of(volume.get("dest")),
        )
        for volume in list_of(config.get("namedVolumes"))
    ]


def _binds(config: Mapping[str, Any], spec: Mapping[str, Any]) -> list[Mount]:
    volumes = {mount.destination for mount in _volumes(config)}
    return [
        Mount(
            type="bind",
            name="",
            source=text_of(mount.get("source")),
            destination=text_of(mount.get("destination")),
        )
        for mount in list_of(spec.get("mounts"))
        if mount.get("type") == "bind"
        and mount.get("destination") not in volumes
        and not any(part in text_of(mount.get("source")) for part in _PODMANS_OWN)
    ]


def _ports(config: Mapping[str, Any]) -> list[Port]:
    return [
        Port(
            host_ip=text_of(port.get("host_ip")),
            host_port=number_of(port.get("host_port"), 0, _LAST_PORT),
            container_port=number_of(port.get("container_port"), 0, _LAST_PORT),
            count=number_of(port.get("range") or 1, 1, _LAST_PORT),
            protocol=text_of(port.get("protocol") or "tcp"),
        )
        for port in list_of(config.get("newPortMappings"))
    ]
