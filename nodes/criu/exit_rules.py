"""Why a restored container ended, and what explains a failure of which no line is known."""

from __future__ import annotations

from nodes.criu.rule import Rule
from nodes.finding import Fix

_EVERY_CODE = frozenset(range(256))

EXIT_RULES = (
    Rule(
        id="exit-interrupted",
        pattern=r"Interrupted system call|\bEINTR\b",
        exit_codes=_EVERY_CODE,
        cause="The program ended because a system call of its was interrupted by the checkpoint.",
        remedy="Try again: it depends on the moment. A program that always ends so cannot migrate "
        "until it repeats interrupted calls.",
        source="criu#1589; CRIU commit dd71cca58: a sleeping call returns EINTR after the restore",
    ),
    Rule(
        id="exit-0-systemd",
        exit_codes=frozenset({0}),
        facts={"cgroup_manager": r"systemd"},
        cause="With the systemd cgroup manager the restored container's scope is cleaned up at "
        "once, and the container ends with code 0.",
        remedy='Set cgroup_manager = "cgroupfs" and runtime = "runc" in '
        "/etc/containers/containers.conf on both nodes, make the container anew, then try again: "
        "it keeps the manager that it was made with.",
        action=Fix.PREPARE,
        source="field.md §4; podman libpod/runtime_ctr.go",
    ),
    Rule(
        id="exit-132",
        exit_codes=frozenset({132}),
        cause="The program died of an illegal instruction (SIGILL, exit code 132): the CPU of "
        "{node} lacks a feature that the source's has.",
        remedy="Compare the CPU flags of both nodes and choose one whose CPU has all of them.",
        source="podman#17496",
    ),
    Rule(
        id="exit-139",
        exit_codes=frozenset({139}),
        cause="The program died of a segmentation fault (exit code 139) after the restore, as "
        "happens when CRIU {criu_version} does not fit kernel {kernel} or the CPU of {node}.",
        remedy="Use the same and newest CRIU on both nodes, and test {node}.",
        action=Fix.SELFTEST,
        source="criu#570",
    ),
    Rule(
        id="exit-other",
        exit_codes=_EVERY_CODE,
        cause="The container ended by itself after the restore, with exit code {exit_code}. Some "
        "programs end when a system call of theirs is interrupted by a checkpoint.",
        remedy="Read what the container printed last (podman logs {container}), then try again.",
        source="criu#1589; CRIU commit dd71cca58",
    ),
    Rule(
        id="kernel-limit",
        facts={"criu_failed": r"true", "kernel_limit": r".+"},
        cause="CRIU names no cause, but CRIU {criu_version} is too old for kernel {kernel} of "
        "{node}: it {kernel_limit}.",
        remedy="Install a newer CRIU on {node}, then test it.",
        action=Fix.SELFTEST,
        source="field note 11; nodes/criu/compatibility.py",
    ),
)
