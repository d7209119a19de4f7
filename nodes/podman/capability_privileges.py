"""Tell which capabilities a container has that Podman does not give by default."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from nodes.podman.privilege import HIGH, MEDIUM, Answers, Privilege, privilege

_SETS: Final = ("bounding", "effective", "permitted", "inheritable", "ambient")
# Podman 4 and 5: containers/common pkg/config/default.go.
_ORDINARY: Final = frozenset(
    [
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "NET_BIND_SERVICE",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    ]
)
_ORDINARY_WHY: Final = "Containers usually have it, but the specification of this one does not."
_UNKNOWN_WHY: Final = "What this capability allows is not known here."
# capabilities(7), in short.
_HIGH: Final = {
    "AUDIT_CONTROL": "It can change what the node's kernel audits.",
    "BPF": "It can load programs into the node's kernel.",
    "CHECKPOINT_RESTORE": "It can checkpoint and restore processes.",
    "DAC_READ_SEARCH": "It can read any file, also outside of the container by its handle.",
    "MAC_ADMIN": "It can change the node's security policy.",
    "MAC_OVERRIDE": "It can pass by the node's security policy.",
    "NET_ADMIN": "It can change network interfaces, addresses, routes and firewall rules.",
    "PERFMON": "It can observe the whole node by performance events.",
    "SYS_ADMIN": "It can mount, and do nearly all that root on the node can.",
    "SYS_BOOT": "It can restart the node, or load another kernel.",
    "SYS_MODULE": "It can load kernel modules, that is any code into the node's kernel.",
    "SYS_PTRACE": "It can read and change the memory of other processes.",
    "SYS_RAWIO": "It can write to the node's memory and disks directly.",
    "SYS_TIME": "It can set the node's clock.",
    "SYSLOG": "It can read the messages and addresses of the node's kernel.",
}
_MEDIUM: Final = {
    "AUDIT_READ": "It can read the node's audit log.",
    "AUDIT_WRITE": "It can write to the node's audit log.",
    "BLOCK_SUSPEND": "It can keep the node from going to sleep.",
    "IPC_LOCK": "It can lock memory, as much as its limit allows.",
    "IPC_OWNER": "It can use any System V object of its IPC namespace.",
    "LEASE": "It can take leases on any file.",
    "LINUX_IMMUTABLE": "It can make files unchangeable.",
    "MKNOD": "It can make device nodes.",
    "NET_BROADCAST": "It can send broadcasts.",
    "NET_RAW": "It can forge packets of the network that it is in.",
    "SYS_NICE": "It can raise the priority of its processes.",
    "SYS_PACCT": "It can switch process accounting on and off.",
    "SYS_RESOURCE": "It can go beyond its resource limits.",
    "SYS_TTY_CONFIG": "It can reconfigure terminals.",
    "WAKE_ALARM": "It can wake the node up.",
}


# By number: linux/capability.h.
CAPABILITIES: Final = tuple(
    [
        *("CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID"),
        *("SETUID", "SETPCAP", "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST"),
        *("NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO"),
        *("SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE"),
        *("SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE"),
        *("AUDIT_CONTROL", "SETFCAP", "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM"),
        *("BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF", "CHECKPOINT_RESTORE"),
    ]
)


def capability_privileges(spec: Answers, config: Answers) -> Iterator[Privilege]:
    if config.flag("privileged"):
        yield privilege(
            "privileged",
            "--privileged",
            "It was run as privileged: hardly anything keeps it apart from the node.",
            HIGH,
        )
    for name in sorted(capabilities_of(spec) - _ORDINARY):
        yield capability_privilege(name, f"CAP_{name}")


def capabilities_of(spec: Answers) -> set[str]:
    """Return the capabilities in any of the specification's sets, without CAP_."""
    capabilities = spec.part("process").part("capabilities")
    return {
        name.upper().removeprefix("CAP_") for each in _SETS for name in capabilities.texts(each)
    }


def capability_privilege(name: str, what: str) -> Privilege:
    if name in _MEDIUM:
        return privilege("capability", what, _MEDIUM[name], MEDIUM)
    why = _HIGH.get(name, _ORDINARY_WHY if name in _ORDINARY else _UNKNOWN_WHY)
    return privilege("capability", what, why, MEDIUM if name in _ORDINARY else HIGH)
