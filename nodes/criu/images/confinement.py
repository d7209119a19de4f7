"""Read what confines the processes of a checkpoint once CRIU has restored them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from nodes.criu.images.entries import Read, first_entry, read_entries
from nodes.criu.images.text import as_text

# The sets of criu/include/cr-restore.h, two words of 32 bits each.
_SETS: Final = ("cap_inh", "cap_prm", "cap_eff", "cap_bnd", "cap_amb")
_FILTERED: Final = 2
# Far more than a label of SELinux has; many processes may have one of their own.
_PROFILE_BYTES: Final = 512
_READ_ONLY: Final = 1
_NAMESPACES: Final = {
    "pid": "pid_ns_id",
    "network": "net_ns_id",
    "ipc": "ipc_ns_id",
    "uts": "uts_ns_id",
    "mount": "mnt_ns_id",
    "cgroup": "cgroup_ns_id",
}

# The number of each namespace by its name in the runtime's specification.
Namespaces = dict[str, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Confinement:
    """What confines one thread, or several that are alike."""

    # The union of all sets, one bit each.
    capabilities: int
    # Its place in seccomp.img, None without a filter.
    seccomp_filter: int | None
    no_new_privileges: bool
    lsm_profile: str
    oom_score: int


@dataclass(frozen=True, kw_only=True, slots=True)
class RestoredMount:
    # By enum fstype of CRIU's images/mnt.proto.
    filesystem: int
    destination: str
    root: str
    source: str
    is_read_only: bool
    # Not mounted by CRIU but given by the runtime, under this name.
    external: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SeccompFilter:
    """A program of classic BPF; ``previous`` is the place of one that holds as well."""

    program: bytes
    previous: int | None


def confinement_of(core: Any) -> Confinement:
    """Return what an entry of core-N.img says."""
    thread, task, creds = core.thread_core, core.tc, core.thread_core.creds
    capabilities = 0
    for name in _SETS:
        for position, word in enumerate(getattr(creds, name)[:2]):
            capabilities |= word << (32 * position)
    # CRIU takes the old field, of a process, wherever it is there.
    source = task if task.HasField("old_seccomp_mode") else thread
    old = "old_" if source is task else ""
    is_filtered = getattr(source, f"{old}seccomp_mode") == _FILTERED
    return Confinement(
        capabilities=capabilities,
        seccomp_filter=getattr(source, f"{old}seccomp_filter") if is_filtered else None,
        no_new_privileges=bool(creds.no_new_privs),
        lsm_profile=as_text(creds.lsm_profile[:_PROFILE_BYTES]),
        oom_score=task.oom_score_adj,
    )


def namespaces_of(ids: Any) -> Namespaces:
    """Return the numbers in an ids message, but for those that it does not tell."""
    return {name: getattr(ids, field) for name, field in _NAMESPACES.items() if ids.HasField(field)}


def read_filters(read: Read) -> Sequence[SeccompFilter]:
    """Return the filters of seccomp.img. Raises ImageUnreadable."""
    return [
        SeccompFilter(program=found.filter, previous=found.prev if found.HasField("prev") else None)
        for found in first_entry(read, "seccomp").seccomp_filters
    ]


def read_mounts(read: Read) -> Iterator[RestoredMount]:
    """Yield the mounts of mountpoints-N.img. Raises ImageUnreadable."""
    for entry in read_entries(read, "mountpoints"):
        key = as_text(entry.ext_key)
        yield RestoredMount(
            filesystem=entry.fstype,
            destination=as_text(entry.mountpoint),
            root=as_text(entry.root),
            source=as_text(entry.source),
            is_read_only=bool((entry.flags | entry.sb_flags) & _READ_ONLY),
            external=key or (as_text(entry.root) if entry.ext_mount else ""),
        )
