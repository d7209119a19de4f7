"""Tell what the runtime's specification grants: hooks, devices, open kernel files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from nodes.podman.container_paths import is_root_filesystem
from nodes.podman.privilege import HIGH, MEDIUM, REFUSED, Answers, Privilege, privilege

# Masked by every Podman since 3: containers/common, or runtime-spec's defaults.
_MASKED: Final = ("/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/scsi", "/sys/firmware")
_READ_ONLY: Final = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")
_ORDINARY_SYSCTLS: Final = {"net.ipv4.ping_group_range": "0 0"}
# Those that are a container's own; all others are the node's.
_OWN_SYSCTLS: Final = ("net.", "kernel.shm", "kernel.msg", "kernel.sem", "fs.mqueue.")
_MEMORY_DEVICES: Final = ("/dev/mem", "/dev/kmem", "/dev/port")
# What Podman itself sets for systemd.
_PROPERTY: Final = "org.systemd.property."
_ORDINARY_PROPERTIES: Final = (
    f"{_PROPERTY}KillSignal",
    f"{_PROPERTY}TimeoutStopUSec",
    f"{_PROPERTY}CollectMode",
)


def spec_privileges(spec: Answers, config: Answers) -> Iterator[Privilege]:
    for stage in spec.part("hooks").values:
        for hook in spec.part("hooks").parts(stage):
            why = "It runs this program on the node, as root and outside of the container."
            yield privilege("hook", f"{stage}: {hook.text('path')}", why, REFUSED)
    root = spec.part("root").text("path")
    if root and not is_root_filesystem(root):
        why = "Its root filesystem would be a folder of the node that is none of Podman's."
        yield privilege("rootfs", root, why, REFUSED)
    yield from _annotations(spec.pairs("annotations"))
    linux = spec.part("linux")
    for device in linux.part("netDevices").values:
        why = "This network device of the node would be moved into it."
        yield privilege("device", f"network device {device}", why, HIGH)
    yield from _devices(linux)
    yield from _kernel_files(linux)
    yield from _process(spec.part("process"), linux, config.text("id"))


def _annotations(annotations: dict[str, str]) -> Iterator[Privilege]:
    for name, value in annotations.items():
        what = f"{name}={value}"
        if name == "org.criu.config":
            # runc 1.1: a configuration of CRIU may name a script that runs as root.
            why = "It has CRIU configured by a file that may run programs on the node as root."
            yield privilege("annotation", what, why, REFUSED)
        elif name.startswith("run.oci."):
            why = "It tells the runtime crun to work otherwise than Podman would have it."
            yield privilege("annotation", what, why, HIGH)
        elif name == "io.podman.annotations.cid-file":
            why = "Podman deletes the file of this name on the node with the container."
            yield privilege("annotation", what, why, HIGH)
        elif name == "io.podman.annotations.label" and "disable" in value:
            why = "SELinux would not confine it."
            yield privilege("selinux", what, why, MEDIUM)
        elif name.startswith(_PROPERTY) and name not in _ORDINARY_PROPERTIES:
            why = "It sets a property of its unit in the node's systemd."
            yield privilege("annotation", what, why, MEDIUM)


def _devices(linux: Answers) -> Iterator[Privilege]:
    for device in linux.parts("devices"):
        path, type_ = device.text("path"), device.text("type")
        numbers = f"{type_} {device.number('major')}:{device.number('minor')}"
        is_worst = type_ == "b" or path.startswith(_MEMORY_DEVICES)
        why = "It would use this device of the node."
        yield privilege("device", f"{path} ({numbers})", why, HIGH if is_worst else MEDIUM)
    for rule in linux.part("resources").parts("devices"):
        if not rule.flag("allow"):
            continue
        major, minor = (rule.values.get(key) for key in ("major", "minor"))
        shown = ":".join("*" if number in (None, -1) else str(number) for number in (major, minor))
        why = "The device cgroup would allow it to use these devices of the node."
        what = f"{rule.text('type') or 'a'} {shown} {rule.text('access')}"
        is_exact = major not in (None, -1) and rule.text("type") == "c"
        yield privilege("device-rule", what, why, MEDIUM if is_exact else HIGH)


def _kernel_files(linux: Answers) -> Iterator[Privilege]:
    masked, read_only = set(linux.texts("maskedPaths")), set(linux.texts("readonlyPaths"))
    for path in _MASKED:
        if path not in masked:
            why = "It would see what the node's kernel shows there."
            yield privilege("masked-path", path, why, HIGH)
    for path in _READ_ONLY:
        if path not in masked | read_only:
            why = "It could change what the node's kernel takes there."
            yield privilege("readonly-path", path, why, HIGH)
    for name, value in linux.pairs("sysctl").items():
        if _ORDINARY_SYSCTLS.get(name) != value:
            is_own = name.replace("/", ".").startswith(_OWN_SYSCTLS)
            why = "It sets this of the kernel." if is_own else "It sets this of the node's kernel."
            yield privilege("sysctl", f"{name}={value}", why, MEDIUM if is_own else HIGH)


def _process(process: Answers, linux: Answers, container_id: str) -> Iterator[Privilege]:
    if process.text("apparmorProfile") == "unconfined":
        yield privilege("apparmor", "unconfined", "AppArmor would not confine it.", MEDIUM)
    label = process.text("selinuxLabel")
    if re.search(r":(spc_t|unconfined_t|init_t|kernel_t)(:|$)", label):
        yield privilege("selinux", label, "SELinux would not confine it.", MEDIUM)
    if process.number("oomScoreAdj") < 0:
        why = "Other processes of the node would be killed before it when memory runs out."
        yield privilege("oom-score", str(process.number("oomScoreAdj")), why, MEDIUM)
    if linux.text("rootfsPropagation") in ("shared", "rshared"):
        why = "What it mounts would appear on the node too."
        yield privilege("mount", "/ with shared propagation", why, HIGH)
    cgroup = linux.text("cgroupsPath")
    is_own = re.search(rf"libpod[-:]{re.escape(container_id)}", cgroup) and ".." not in cgroup
    if cgroup and not is_own:
        yield privilege("cgroup", cgroup, "It would be in a cgroup that is not its own.", MEDIUM)
