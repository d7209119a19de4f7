"""Tell what Podman's configuration says about a container: mounts, volumes, networks, ports."""

from __future__ import annotations

from collections.abc import Mapping

from nodes.catalog.contents import Interface, MountPoint, Network, Networks, PublishedPort, Volume
from nodes.catalog.index_document import Document
from nodes.catalog.index_rootfs import StoredVolume


def mounts_of(config: Document, spec: Document) -> list[MountPoint]:
    """Return the mounts of the runtime's specification, a volume's by the volume's name."""
    volumes = {part.text("dest"): part.text("volumeName") for part in config.parts("namedVolumes")}
    mounts = []
    for part in spec.parts("mounts"):
        destination = part.text("destination")
        mount = MountPoint(
            destination=destination,
            type=part.text("type"),
            source=part.text("source"),
            options=part.texts("options"),
        )
        if destination in volumes:
            mount["type"], mount["source"] = "volume", volumes[destination]
        elif "bind" in mount["options"] or "rbind" in mount["options"]:
            mount["type"] = "bind"
        mounts.append(mount)
    return mounts


def volumes_of(config: Document, stored: Mapping[str, StoredVolume]) -> list[Volume]:
    """Return the named volumes, and those that only the archive knows."""
    destinations = {
        part.text("volumeName"): part.text("dest") for part in config.parts("namedVolumes")
    }
    volumes = []
    for name in [*destinations, *(name for name in stored if name not in destinations)]:
        found = stored.get(name, StoredVolume())
        volumes.append(
            Volume(
                name=name,
                destination=destinations.get(name, ""),
                stored=name in stored,
                files=found.files,
                bytes=found.bytes,
            )
        )
    return volumes


def networks_of(config: Document, status: Document) -> Networks:
    """Return the networks that were asked for, with the addresses that they had."""
    asked = config.named_parts("newNetworks")
    had = status.named_parts()
    networks = []
    for name in [*asked, *(name for name in had if name not in asked)]:
        options = asked.get(name, Document(name, {}))
        interfaces = had[name].named_parts("interfaces") if name in had else {}
        networks.append(
            Network(
                name=name,
                static_ip=", ".join(options.texts("static_ips")),
                static_mac=options.text("static_mac"),
                interfaces=[_interface(label, part) for label, part in interfaces.items()],
            )
        )
    return Networks(
        mode=config.text("networkMode"),
        networks=networks,
        ports=[_port(part) for part in config.parts("newPortMappings")],
    )


def _interface(name: str, part: Document) -> Interface:
    subnets = part.parts("subnets")
    return Interface(
        name=name,
        mac=part.text("mac_address"),
        addresses=[subnet.text("ipnet") for subnet in subnets if subnet.text("ipnet")],
        gateways=[subnet.text("gateway") for subnet in subnets if subnet.text("gateway")],
    )


def _port(part: Document) -> PublishedPort:
    return PublishedPort(
        host_ip=part.text("host_ip"),
        host_port=part.number("host_port"),
        container_port=part.number("container_port"),
        range=part.number("range") or 1,
        protocol=part.text("protocol") or "tcp",
    )
