"""Tell which system calls a specification allows that Podman's own seccomp profile does not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from nodes.podman.capability_privileges import capabilities_of
from nodes.podman.privilege import HIGH, Answers, Privilege, privilege

_CONFINING: Final = frozenset(
    [
        "SCMP_ACT_ERRNO",
        "SCMP_ACT_KILL",
        "SCMP_ACT_KILL_PROCESS",
        "SCMP_ACT_KILL_THREAD",
        "SCMP_ACT_TRAP",
    ]
)
# What the profile of Podman 4 and 5 (containers/common pkg/seccomp) allows to nobody, or only
# with one of these capabilities. It allows mount and unshare; there the kernel itself asks for one.
_GATED: Final[dict[str, tuple[str, ...]]] = {
    "acct": ("SYS_PACCT",),
    "bpf": ("SYS_ADMIN", "BPF"),
    "clock_settime": ("SYS_TIME",),
    "clock_settime64": ("SYS_TIME",),
    "delete_module": ("SYS_MODULE",),
    "finit_module": ("SYS_MODULE",),
    "init_module": ("SYS_MODULE",),
    "ioperm": ("SYS_RAWIO",),
    "iopl": ("SYS_RAWIO",),
    "kcmp": ("SYS_PTRACE",),
    "kexec_file_load": ("SYS_BOOT",),
    "kexec_load": ("SYS_BOOT",),
    "lookup_dcookie": ("SYS_ADMIN",),
    "migrate_pages": (),
    "move_pages": (),
    "nfsservctl": (),
    "open_by_handle_at": ("DAC_READ_SEARCH",),
    "perf_event_open": ("SYS_ADMIN", "PERFMON"),
    "process_madvise": ("SYS_PTRACE",),
    "query_module": ("SYS_MODULE",),
    "quotactl": ("SYS_ADMIN",),
    "quotactl_fd": ("SYS_ADMIN",),
    "setdomainname": ("SYS_ADMIN",),
    "sethostname": ("SYS_ADMIN",),
    "settimeofday": ("SYS_TIME",),
    "stime": ("SYS_TIME",),
    "swapoff": (),
    "swapon": (),
    "userfaultfd": (),
    "vhangup": ("SYS_TTY_CONFIG",),
    "vm86": (),
    "vm86old": (),
}


def seccomp_privileges(spec: Answers, _config: Answers) -> Iterator[Privilege]:
    seccomp = spec.part("linux").part("seccomp")
    if not seccomp.values:
        why = "It could call all of the node's kernel: no seccomp profile confines it."
        yield privilege("seccomp", "unconfined", why, HIGH)
        return
    action = seccomp.text("defaultAction")
    if not is_confining(seccomp):
        why = "Its seccomp profile allows whatever it does not name."
        yield privilege("seccomp", f"default action {action or 'not given'}", why, HIGH)
    if path := seccomp.text("listenerPath"):
        why = "Its system calls would be handed to whoever listens at this path of the node."
        yield privilege("seccomp", f"listener {path}", why, HIGH)
    capabilities, asked = capabilities_of(spec), allowed_calls(seccomp) & _GATED.keys()
    beyond = sorted(name for name in asked if not capabilities & {*_GATED[name]})
    if beyond:
        why = "Podman's own seccomp profile does not allow these system calls of the kernel."
        yield privilege("seccomp", f"allows {', '.join(beyond)}", why, HIGH)


def is_confining(seccomp: Answers) -> bool:
    """Tell whether a profile keeps a container from what it does not name."""
    return seccomp.text("defaultAction") in _CONFINING


def allowed_calls(seccomp: Answers) -> set[str]:
    """Return the system calls that a profile allows by name, on whatever condition."""
    return {
        name
        for rule in seccomp.parts("syscalls")
        if rule.text("action") not in _CONFINING
        for name in rule.texts("names")
    }
