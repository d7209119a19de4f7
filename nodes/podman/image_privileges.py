"""Tell what CRIU's images would give the processes beyond what the specification tells.

The specification describes a container; on a restore it is CRIU that sets capabilities, filters,
namespaces and mounts, and takes them from its images (criu/cr-restore.c of CRIU 4.2).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from nodes.criu.images.confinement import Confinement, Namespaces, RestoredMount, SeccompFilter
from nodes.criu.images.seccomp import Filters
from nodes.podman.capability_privileges import CAPABILITIES, capabilities_of, capability_privilege
from nodes.podman.image_mount_privileges import image_mount_privileges
from nodes.podman.namespace_privileges import NAMESPACES
from nodes.podman.privilege import HIGH, MEDIUM, REFUSED, Answers, Privilege, privilege
from nodes.podman.seccomp_privileges import allowed_calls, is_confining

# Numbers of some system calls that no ordinary container may make, by linux/audit.h's number of
# the architecture: x86-64 with x32, i386, arm64, riscv64.
_CALLS: Final = {
    "init_module": (
        *((0xC000003E, 175), (0xC000003E, 0x400000AF), (0x40000003, 128)),
        *((0xC00000B7, 105), (0xC00000F3, 105)),
    ),
    "kexec_load": (
        *((0xC000003E, 246), (0xC000003E, 0x40000210), (0x40000003, 283)),
        *((0xC00000B7, 104), (0xC00000F3, 104)),
    ),
    "bpf": (
        *((0xC000003E, 321), (0xC000003E, 0x40000141), (0x40000003, 357)),
        *((0xC00000B7, 280), (0xC00000F3, 280)),
    ),
}
_UNCONFINED: Final = re.compile(r"(^|:)(unconfined|spc_t|unconfined_t|init_t|kernel_t)(:|$)")


@dataclass
class Restored:
    """What the images of one archive say, each kind of it once."""

    threads: set[Confinement] = field(default_factory=set)
    filters: Sequence[SeccompFilter] = ()
    mounts: list[RestoredMount] = field(default_factory=list)
    # Those of the node that the container ran on, and those that its processes had.
    node_namespaces: Namespaces = field(default_factory=dict)
    namespaces: set[tuple[str, int]] = field(default_factory=set)
    # Sentences without their full stop about what could not be read of it.
    unreadable: list[str] = field(default_factory=list)


def image_privileges(spec: Answers, restored: Restored) -> Iterator[Privilege]:
    for what in restored.unreadable:
        why = "What CRIU would set from it cannot be judged."
        yield privilege("unreadable", what, why, REFUSED)
    yield from _capabilities(spec, restored)
    yield from _filters(spec.part("linux").part("seccomp"), restored)
    yield from _process(spec.part("process"), restored)
    for name, number in sorted(restored.namespaces):
        if restored.node_namespaces.get(name, 0) == number:
            why, risk = NAMESPACES[name]
            yield privilege("namespace", f"{name} namespace of the node", why, risk)
    yield from image_mount_privileges(spec, restored.mounts)


def _capabilities(spec: Answers, restored: Restored) -> Iterator[Privilege]:
    bits, given = 0, capabilities_of(spec)
    for thread in restored.threads:
        bits |= thread.capabilities
    for number in range(bits.bit_length()):
        known = number < len(CAPABILITIES)
        name = CAPABILITIES[number] if known else f"number {number}"
        if bits >> number & 1 and name not in given:
            yield capability_privilege(name, f"CAP_{name} of a process")


def _filters(seccomp: Answers, restored: Restored) -> Iterator[Privilege]:
    if not is_confining(seccomp):
        return
    places = {thread.seccomp_filter for thread in restored.threads}
    if None in places:
        why = "CRIU would restore a process that could call all of the node's kernel."
        yield privilege("seccomp", "a process without a seccomp filter", why, HIGH)
    filters = Filters(restored.filters)
    for name in sorted(_CALLS.keys() - allowed_calls(seccomp)):
        if not all(
            filters.denies(place, *call)
            for place in places
            if place is not None
            for call in _CALLS[name]
        ):
            why = "CRIU would restore a filter that is not the one of the specification."
            yield privilege("seccomp", f"a process whose filter allows {name}", why, HIGH)


def _process(process: Answers, restored: Restored) -> Iterator[Privilege]:
    threads = restored.threads
    if process.flag("noNewPrivileges") and not all(each.no_new_privileges for each in threads):
        why = "Its programs could gain privileges, which its specification does not let them."
        yield privilege("no-new-privileges", "a process without it", why, MEDIUM)
    for kind, name in (("apparmor", "apparmorProfile"), ("selinux", "selinuxLabel")):
        expected = process.text(name)
        if not expected or _UNCONFINED.search(expected):
            continue
        for profile in sorted({each.lsm_profile for each in threads}):
            if expected not in profile:
                why = f"CRIU would restore it otherwise confined than by {expected[:100]}."
                yield privilege(kind, f"a process under {profile or 'none'}", why, MEDIUM)
    lowest = min((each.oom_score for each in threads), default=0)
    if lowest < min(0, process.number("oomScoreAdj")):
        why = "Other processes of the node would be killed before it when memory runs out."
        yield privilege("oom-score", f"{lowest} of a process", why, MEDIUM)
