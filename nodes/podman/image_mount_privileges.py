"""Tell which mounts CRIU would make of its images that the specification does not name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from nodes.criu.images.confinement import RestoredMount
from nodes.podman.mount_privileges import is_bind, is_read_only
from nodes.podman.privilege import HIGH, Answers, Privilege, privilege

# Numbers of enum fstype: images/mnt.proto of CRIU 4.2.
_PROC, _SYSFS, _TMPFS, _DEVPTS, _CGROUP, _MQUEUE, _CGROUP2 = 1, 2, 5, 6, 12, 14, 23
_FILESYSTEMS: Final = {
    "proc": (_PROC,),
    "sysfs": (_SYSFS,),
    "tmpfs": (_TMPFS,),
    "devpts": (_DEVPTS,),
    "mqueue": (_MQUEUE,),
    "cgroup": (_CGROUP, _CGROUP2, _TMPFS),
    "cgroup2": (_CGROUP2,),
}
_CONTROLLERS: Final = "/sys/fs/cgroup/"
_NOTHING: Final = "/dev/null"


def image_mount_privileges(spec: Answers, mounts: Sequence[RestoredMount]) -> Iterator[Privilege]:
    linux = spec.part("linux")
    given = _Given(
        spec,
        masked=frozenset(linux.texts("maskedPaths")),
        read_only=frozenset(linux.texts("readonlyPaths")),
    )
    roots = 0
    for mount in mounts:
        roots += mount.destination == "/"
        if mount.destination == "/" and roots == 1:
            continue
        if not given.has(mount):
            why = "CRIU would mount it, and the specification does not say so."
            what = f"{mount.external or mount.source} → {mount.destination} (by CRIU)"
            yield privilege("mount", what, why, HIGH)
    protected = {mount.destination for mount in mounts if mount.is_read_only or mount.external}
    if mounts and "/proc/sys" in given.read_only and "/proc/sys" not in protected:
        why = "It could change what the node's kernel takes there: CRIU would not protect it."
        yield privilege("readonly-path", "/proc/sys after a restore", why, HIGH)


class _Given:
    """What the specification would have mounted."""

    def __init__(self, spec: Answers, *, masked: frozenset[str], read_only: frozenset[str]) -> None:
        self.masked = masked
        self.read_only = read_only
        self._types: dict[str, str] = {}
        self._protected: set[str] = set()
        for mount in spec.parts("mounts"):
            type_, options = mount.text("type"), mount.texts("options")
            destination = mount.text("destination")
            self._types[destination] = "bind" if is_bind(type_, options) else type_
            if is_read_only(options):
                self._protected.add(destination)

    def has(self, mount: RestoredMount) -> bool:
        at, filesystem = mount.destination, mount.filesystem
        if mount.external:
            is_hidden = at in self.masked | self.read_only
            is_bound = self._types.get(at) == "bind" and mount.external == at
            return is_bound or (is_hidden and mount.external in (at, _NOTHING))
        if at in self.masked and filesystem == _TMPFS:
            return True
        if at in self.masked | self.read_only and mount.is_read_only:
            return filesystem in (_PROC, _SYSFS) and at in (
                f"/proc{mount.root}",
                f"/sys{mount.root}",
            )
        if at.startswith(_CONTROLLERS) and "/sys/fs/cgroup" in self._types:
            return filesystem == _CGROUP and (
                mount.is_read_only or "/sys/fs/cgroup" not in self._protected
            )
        if at == "/dev/console" and filesystem == _DEVPTS:
            return True
        is_same = filesystem in _FILESYSTEMS.get(self._types.get(at, ""), ())
        return is_same and (mount.is_read_only or at not in self._protected)
