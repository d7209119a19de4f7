"""Put what an archive tells of mounts, files, volumes and networks by name, to be compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from nodes.catalog.compare_result import Value, numbered


def mount_facts(mounts: Iterable[Mapping[str, Any]]) -> dict[str, Value]:
    return numbered(
        (mount["destination"], f"{mount['type']} {mount['source']} {','.join(mount['options'])}")
        for mount in mounts
    )


def rootfs_facts(rootfs: Mapping[str, Any]) -> dict[str, Value]:
    return {entry["path"]: _entry(entry) for entry in rootfs["entries"]}


def _entry(entry: Mapping[str, Any]) -> str:
    if entry["change"] == "deleted":
        return "deleted"
    target = f" → {entry['target']}" if entry["target"] else ""
    return f"{entry['type']} {entry['mode']:04o}, {entry['size_bytes']} bytes{target}"


def volume_facts(volumes: Iterable[Mapping[str, Any]]) -> dict[str, Value]:
    return {volume["name"]: _volume(volume) for volume in volumes}


def _volume(volume: Mapping[str, Any]) -> str:
    files = f"{volume['files']} file{'' if volume['files'] == 1 else 's'}"
    stored = f"{files}, {volume['bytes']} bytes" if volume["stored"] else "no files"
    return f"{stored}, at {volume['destination']}" if volume["destination"] else stored


def network_facts(networks: Mapping[str, Any]) -> dict[str, Value]:
    found: dict[str, Value] = {"Mode": networks["mode"]}
    for network in networks["networks"]:
        called = f"Network {network['name']}"
        found[called] = "connected"
        for interface in network["interfaces"]:
            each = f"{called}, {interface['name']}"
            found[f"{each}: MAC address"] = interface["mac"]
            found[f"{each}: addresses"] = ", ".join(interface["addresses"])
            found[f"{each}: gateways"] = ", ".join(interface["gateways"])
    for port in networks["ports"]:
        host = f"{port['host_ip']}:{port['host_port']}/{port['protocol']}"
        more = f" and the next {port['range'] - 1}" if port["range"] > 1 else ""
        found[f"Port {host}"] = f"the container's {port['container_port']}{more}"
    return found
