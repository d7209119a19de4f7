"""Tell which of the node's files and devices would be mounted into a container."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import Final

from nodes.podman.container_paths import is_mounted_userdata, is_plain, is_volume
from nodes.podman.privilege import HIGH, MEDIUM, REFUSED, Answers, Privilege, privilege

_OWN_TYPES: Final = frozenset(["proc", "sysfs", "tmpfs", "devpts", "mqueue", "cgroup", "cgroup2"])
# Whoever has these, or anything in them, has the node, or secrets of it.
_SENSITIVE: Final = tuple(
    [
        "/bin",
        "/boot",
        "/dev",
        "/etc",
        "/home",
        "/lib",
        "/lib64",
        "/ostree",
        "/proc",
        "/root",
        "/run",
        "/sbin",
        "/sys",
        "/sysroot",
        "/usr",
        "/var/lib",
        "/var/run",
        "/var/spool",
    ]
)
_INIT: Final = ("/dev/init", "/run/podman-init")


def is_bind(type_: str, options: list[str]) -> bool:
    return type_ == "bind" or "bind" in options or "rbind" in options


def is_read_only(options: list[str]) -> bool:
    """Tell what the last of the options says that says anything of it, as it counts."""
    said = [option for option in options if option in ("ro", "rw", "rro")]
    return bool(said) and said[-1] != "rw"


def mount_privileges(spec: Answers, config: Answers) -> Iterator[Privilege]:
    container_id = config.text("id")
    volumes = {volume.text("volumeName") for volume in config.parts("namedVolumes")}
    for mount in spec.parts("mounts"):
        yield from _mount(mount, container_id, volumes)
    for volume in config.parts("overlayVolumes"):
        yield from _files(volume.text("source"), volume.text("dest"), "an overlay over it")
    for volume in (*config.parts("overlayVolumes"), *config.parts("namedVolumes")):
        yield from _layers(volume.texts("options"), volume.text("dest"))
    for device in config.texts("cdiDevices"):
        yield privilege("device", device, "It would use this device of the node.", HIGH)


def _mount(mount: Answers, container_id: str, volumes: set[str]) -> Iterator[Privilege]:
    type_, options = mount.text("type"), mount.texts("options")
    source, destination = mount.text("source"), mount.text("destination")
    if is_bind(type_, options):
        is_own = is_mounted_userdata(source, container_id) or is_volume(source, volumes)
        if not is_own and not _is_init(source, destination, options):
            how = "read-only" if is_read_only(options) else "writable"
            yield from _files(source, destination, how)
        if {"shared", "rshared"} & set(options):
            why = "What it mounts there would appear on the node too."
            yield privilege("mount", f"{destination} with shared propagation", why, HIGH)
    elif type_ == "overlay":
        yield from _layers(options, destination)
    elif type_ not in _OWN_TYPES:
        why = "It would mount a filesystem of this type itself, from a device or over a network."
        yield privilege("mount", f"{type_} {source} → {destination}", why, HIGH)
    elif type_ == "proc" and destination != "/proc":
        why = "What is hidden and write-protected in /proc would not be so there."
        yield privilege("mount", f"{destination} (proc)", why, HIGH)
    elif type_ == "sysfs" and not is_read_only(options):
        why = "It could change settings of the node's kernel and devices."
        yield privilege("mount", f"{destination} (sysfs, writable)", why, HIGH)
    elif type_ == "sysfs" and destination != "/sys":
        why = "What is hidden in /sys would not be so there."
        yield privilege("mount", f"{destination} (sysfs)", why, MEDIUM)
    elif type_.startswith("cgroup") and not is_read_only(options):
        why = "It could change its own cgroups, as systemd in a container has to."
        yield privilege("mount", f"{destination} (cgroups, writable)", why, MEDIUM)


def _layers(options: list[str], destination: str) -> Iterator[Privilege]:
    for option in options:
        name, _, value = option.partition("=")
        if name in ("lowerdir", "upperdir", "workdir"):
            for folder in value.split(":"):
                yield from _files(folder, destination, name)


def _files(source: str, destination: str, how: str) -> Iterator[Privilege]:
    what = f"{source} → {destination} ({how})"
    if not is_plain(source):
        why = "It would mount files by a path that does not say where it leads."
        yield privilege("bind", what, why, REFUSED)
    elif source.endswith(".sock"):
        why = "It would talk to a service of the node, and through Podman's or Docker's rule it."
        yield privilege("bind", what, why, HIGH)
    elif any(_is_in(source, folder) or _is_in(folder, source) for folder in _SENSITIVE):
        why = "It would have files of the node that its system, its secrets or its users are in."
        yield privilege("bind", what, why, HIGH)
    else:
        yield privilege("bind", what, "It would have these files of the node.", MEDIUM)


def _is_init(source: str, destination: str, options: list[str]) -> bool:
    """Tell whether it is the small init process that --init mounts."""
    return (
        destination in _INIT
        and posixpath.basename(source) == "catatonit"
        and _is_in(source, "/usr")
        and is_plain(source)
        and is_read_only(options)
    )


def _is_in(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder.rstrip('/')}/")
