"""Tell what Podman's configuration of a container would have the node do, or write where."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from nodes.podman.container_paths import is_userdata
from nodes.podman.privilege import HIGH, MEDIUM, REFUSED, Answers, Privilege, privilege

# Those that can checkpoint and restore.
_RUNTIMES: Final = ("", "runc", "crun")
_PODMAN: Final = ("/usr/bin/podman", "/bin/podman", "/usr/local/bin/podman")
# What Podman 4 hands to its own `container cleanup`; newer ones do not keep the command.
_CLEANUP = re.compile(
    r"--(?:root|runroot|tmpdir|network-config-dir|volumepath)|--(?:log-level|cgroup-manager"
    r"|network-backend|db-backend|storage-driver|events-backend|transient-store|stopped-only)"
    r"|--(?:syslog|rm)|container|cleanup|--runtime|--storage-opt"
)
# Its folders are Podman's own, just those: what is in a volume is the container's to write.
_CLEANUP_VALUE = re.compile(
    r"|(?!.*mount_program)[0-9a-z_.,=:-]+|/var/lib/containers/storage(?:/volumes)?/?"
    r"|/(?:var/)?run/(?:containers/storage|libpod)/?|/etc/c(?:ontainers/networks|ni/net\.d)/?"
)
# Where conmon or Podman writes as root, or what Podman unmounts; and what it is called by Podman
# in its folder of the container.
_PATHS: Final = {
    "staticDir": ("", "Podman would keep the container's files there."),
    "secretsPath": ("/secrets", "Podman would write the container's secrets there."),
    "logPath": (r"/ctr\.log", "The container's output would be written there as root."),
    "conmonPidFile": (r"/conmon\.pid", "A file would be written there as root."),
    "pid_file": ("/pidfile", "A file would be written there as root."),
    "ShmDir": ("/shm", "The container's shared memory would be there."),
}
# A unit of systemd may well have its PID file here.
_PID_FILE = re.compile(r"/(?:var/)?run/[A-Za-z0-9_.@-]+(?:/[A-Za-z0-9_.@-]+)?\.?pid(?:file)?")
# Paths of these are the container's own, or judged elsewhere.
_INSIDE: Final = frozenset(
    [
        "spec",
        "CreateCommand",
        "RawImageName",
        "rootfsImageName",
        "namedVolumes",
        "overlayVolumes",
        "ctrImageVolumes",
        "userVolumes",
        "command",
        "entrypoint",
        "labels",
        "healthcheck",
        "startupHealthCheck",
        "chroot_directories",
        "exitCommand",
        "rootfs",
        "mounts",
        "secrets",
        "secret_env",
        "cgroupParent",
        "runtime",
        "healthLogDestination",
        "device_host_src",
        "cdiDevices",
        "passwd_entry",
        "group_entry",
    ]
)
_CGROUP_PARENT = re.compile(
    r"|/?(?:libpod_parent|(?:machine|user)\.slice)(?:/(?:machine-)?libpod_pod_[0-9a-f]{64}(?:\.slice)?)?"
)
_MOST_DEPTH: Final = 8


def config_privileges(spec: Answers, config: Answers) -> Iterator[Privilege]:
    runtime = config.text("runtime")
    if runtime not in _RUNTIMES:
        why = "It names a program to run it that is neither runc nor crun."
        yield privilege("runtime", runtime, why, REFUSED)
    command = config.texts("exitCommand")
    if command and not _is_cleanup(command):
        why = "The node would run this command as root when the container ends."
        yield privilege("exit-command", " ".join(command), why, REFUSED)
    if folder := config.text("rootfs"):
        why = "Its root filesystem would be this folder of the node, and no image."
        yield privilege("rootfs", folder, why, REFUSED)
    destination = config.text("healthLogDestination")
    if destination not in ("", "local", "events_logger"):
        why = "Podman would write the results of its health check there as root."
        yield privilege("path", f"healthLogDestination {destination}", why, HIGH)
    if not _CGROUP_PARENT.fullmatch(parent := config.text("cgroupParent")):
        yield privilege("cgroup", parent, "It would be in a cgroup of the node's own.", MEDIUM)
    if (mode := config.text("cgroupsMode")) not in ("", "enabled"):
        why = "It would not be in a cgroup of its own, or not wholly."
        yield privilege("cgroup", f"cgroups {mode}", why, MEDIUM)
    for image in config.parts("ctrImageVolumes"):
        why = "It would have the files of this image, if the node has one of this name."
        yield privilege("image", f"{image.text('source')} → {image.text('dest')}", why, MEDIUM)
    for device in config.parts("device_host_src"):
        why = "It was given this device of the node that it ran on."
        yield privilege("device", f"{device.text('path')} of the node", why, MEDIUM)
    yield from _secrets(config)
    yield from _paths(config)


def _secrets(config: Answers) -> Iterator[Privilege]:
    why = "It would be given this secret, if the node has one of this name."
    for secret in config.parts("secrets"):
        yield privilege("secret", secret.text("name"), why, HIGH)
    for variable in config.part("secret_env").values:
        yield privilege("secret", f"in the variable {variable}", why, HIGH)


def _paths(config: Answers) -> Iterator[Privilege]:
    container_id = config.text("id")
    for key, (name, why) in _PATHS.items():
        path = config.text(key)
        # With the node's IPC namespace the memory is the node's too, which is told elsewhere.
        if path and not (key == "ShmDir" and path == "/dev/shm"):  # noqa: S108
            yield from _path(key, path, (container_id, name), why)
    for path in config.texts("mounts"):
        why = "Podman would unmount it on the node."
        yield from _path("mounts", path, (container_id, "/shm"), why)
    for key, value in config.values.items():
        if key not in _PATHS and key not in _INSIDE:
            for path in paths_of_the_node(value):
                why = "It names a file of the node for a purpose that is not known here."
                yield privilege("path", f"{key} {path}", why, HIGH)


def _path(key: str, path: str, own: tuple[str, str], why: str) -> Iterator[Privilege]:
    kind = "log-path" if key == "logPath" else "path"
    if is_userdata(path, *own):
        return
    if is_userdata(path, *own, anywhere=True):
        why = f"{why} It is Podman's own folder where the storage lies elsewhere than usual."
        yield privilege(kind, f"{key} {path}", why, MEDIUM)
    elif key in ("conmonPidFile", "pid_file") and _PID_FILE.fullmatch(path) and ".." not in path:
        yield privilege(kind, f"{key} {path}", why, HIGH)
    else:
        yield privilege(kind, f"{key} {path}", why, REFUSED)


def paths_of_the_node(value: Any, depth: int = _MOST_DEPTH) -> Iterator[str]:
    """Yield the texts in a value that are paths, or lead out of a folder."""
    if isinstance(value, str):
        if value.startswith("/") or ".." in value.split("/"):
            yield value
    elif isinstance(value, list | dict) and depth:
        for part in value.values() if isinstance(value, dict) else value:
            yield from paths_of_the_node(part, depth - 1)


def _is_cleanup(command: list[str]) -> bool:
    """Tell whether it is nothing but Podman tidying up after the container."""
    program, *arguments = command
    whole = " ".join(arguments)
    if program not in _PODMAN or "container cleanup" not in whole or ".." in whole:
        return False
    before = ""
    for argument in arguments:
        name, _, value = (
            argument.partition("=") if argument.startswith("--") else (argument, "", "")
        )
        if name.startswith("-"):
            if not _CLEANUP.fullmatch(name) or not _CLEANUP_VALUE.fullmatch(value):
                return False
        elif not _CLEANUP_VALUE.fullmatch(argument):
            return False
        if before == "--runtime" and argument not in _RUNTIMES:
            return False
        if name == "--runtime" and value not in _RUNTIMES:
            return False
        before = argument
    return True
