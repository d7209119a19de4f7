"""Tell the cause of a failed checkpoint or restore from what Podman and CRIU wrote.

The patterns are those of Podman 5.8.6, CRIU 4.2.1 and runc 1.3.6 and of public reports.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Match one line; ``options`` are what a new try may be given."""

    id: str
    pattern: str
    cause: str
    remedy: str
    options: dict[str, bool] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    rule: Rule
    line: str


RULES = (
    Rule(
        id="tcp-established",
        pattern=r"Connected TCP socket|Can't dump TCP|inet: .*(?:TCP|tcp).*established",
        cause="The container has open TCP connections.",
        remedy="Migrate again with --tcp-established.",
        options={"tcp_established": True},
    ),
    Rule(
        id="in-flight-connection",
        pattern=r"In-flight connection",
        cause="A client was just connecting to a server in the container.",
        remedy="Try again. If clients connect all the time, put the line `skip-in-flight` into "
        "/etc/criu/runc.conf on the source: such a client has to connect anew.",
    ),
    Rule(
        id="file-locks",
        pattern=r"Some file locks are hold",
        cause="A process in the container holds a file lock.",
        remedy="Migrate again with --file-locks.",
        options={"file_locks": True},
    ),
    Rule(
        id="external-socket",
        pattern=r"External socket is used",
        cause="A process is connected to a unix socket whose other end is outside the container.",
        remedy="Run the container without the mount that brings in the socket, then try again.",
    ),
    Rule(
        id="ghost-file",
        pattern=r"Can't dump ghost file",
        cause="A process keeps a deleted file open that is larger than CRIU's limit.",
        remedy="Raise `ghost-limit` in /etc/criu/runc.conf on the source, then try again.",
    ),
    Rule(
        id="io-uring",
        pattern=r"anon_inode:\[io_uring\]",
        cause="A process uses io_uring, which CRIU cannot checkpoint.",
        remedy="Switch io_uring off in the program's own settings.",
    ),
    Rule(
        id="kernel-newer-than-criu",
        pattern=r"Can't get \d+:\d+ opt: Operation not supported",
        cause="The node's kernel is newer than its CRIU understands.",
        remedy="Install a newer CRIU on the node.",
    ),
    Rule(
        id="image-unknown",
        pattern=r"locating image with ID|image not known|unable to pull|pinging container registry",
        cause="The destination does not have the container's image, by its ID.",
        remedy="Migrate again: the image is copied by ID before the checkpoint.",
    ),
    Rule(
        id="port-in-use",
        pattern=r"address already in use|cannot expose port|port is already allocated"
        r"|cannot listen on the (?:TCP|UDP) port",
        cause="A published port is taken on the destination.",
        remedy="Stop what listens on that port on the destination, or choose another node.",
    ),
    Rule(
        id="name-in-use",
        pattern=r"the container name .* is already in use",
        cause="Another container on the destination has the same name.",
        remedy="Rename or remove that container, then try again.",
    ),
    Rule(
        id="id-in-use",
        pattern=r"that ID is already in use",
        cause="A container with the same ID is on the destination already.",
        remedy="Remove the left-over container on the destination, then try again.",
    ),
    Rule(
        id="volume-in-use",
        pattern=r"volume with name .* already exists",
        cause="A volume with the same name is on the destination already.",
        remedy="Remove that volume, or migrate with --ignore-volumes to use it as it is.",
        options={"ignore_volumes": True},
    ),
    Rule(
        id="no-space",
        pattern=r"[Nn]o space left on device|disk quota exceeded",
        cause="A disk is full.",
        remedy="Free space on the node named in the message, then try again.",
    ),
    Rule(
        id="file-differs",
        pattern=r"has bad size|has bad build-ID|has bad mode",
        cause="A file on the destination differs from the one that the process had open.",
        remedy="Use the same image by ID, and the same files in bind mounts.",
    ),
    Rule(
        id="address-in-use",
        pattern=r"requested ip address \S+ is already allocated",
        cause="Another container on the destination has the container's address.",
        remedy="Migrate again with --ignore-static-ip.",
        options={"ignore_static_ip": True},
    ),
    Rule(
        id="network-missing",
        pattern=r"unable to find network|network not found",
        cause="The container's network does not exist on the destination.",
        remedy="Create the network on the destination, then try again.",
    ),
    Rule(
        id="static-ip",
        pattern=r"not in any subnet|requested static ip",
        cause="The container's fixed address does not belong to the network there.",
        remedy="Migrate with --ignore-static-ip and --ignore-static-mac, or create that network.",
        options={"ignore_static_ip": True, "ignore_static_mac": True},
    ),
    Rule(
        id="runtime-without-checkpoint",
        pattern=r"runtime .* does not support checkpoint|could not load `?libcriu",
        cause="The node's OCI runtime cannot checkpoint.",
        remedy='Set runtime = "runc" in /etc/containers/containers.conf.',
    ),
    Rule(
        id="criu-missing",
        pattern=r"criu.*executable file not found|checkpoint/restore requires at least CRIU",
        cause="CRIU is missing or too old on the node.",
        remedy="Install the package criu on the node.",
    ),
    Rule(
        id="network-lock",
        pattern=r"iptables-restore|nft.*(?:not found|No such file)",
        cause="CRIU could not lock the container's network.",
        remedy="Install the package iptables or nftables on the node.",
    ),
)


def diagnose(text: str) -> Diagnosis | None:
    """Return the first rule that a line of ``text`` matches, with that line."""
    lines = text.splitlines()
    for rule in RULES:
        pattern = re.compile(rule.pattern)
        for line in lines:
            if pattern.search(line):
                return Diagnosis(rule=rule, line=line.strip())
    return None


# They stand in every log: the first is harmless, the others only say that something else failed.
_EMPTY_ERRORS = re.compile(r"Can't setup RLIMIT_NOFILE|FAILED\.?$|cgroupd: recv req error")


def error_lines(log: str) -> list[str]:
    """Return the lines that CRIU marks as errors, those that name a cause first."""
    lines = [line.strip() for line in log.splitlines() if "Error (" in line]
    return sorted(lines, key=lambda line: bool(_EMPTY_ERRORS.search(line)))
