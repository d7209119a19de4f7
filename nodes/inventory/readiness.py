"""Find out whether a node can checkpoint and restore, and say why not."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from nodes.criu.check import LOOKS_GOOD, check_argv, parse_version, version_argv
from nodes.finding import Finding, error, ok, warning
from nodes.podman.argv import info_argv
from nodes.podman.info import HostInfo, parse_info
from nodes.problem import FerryError
from nodes.ssh.errors import CommandFailed, CommandNotFound
from nodes.ssh.session import NodeSession

# Kept free of what an operation stages: see operations/staging.py.
STAGING_PARENT = "/var/lib"
_TOOLS = """
tar --version 2>/dev/null | grep -q 'GNU tar' && echo tar
for tool in zstd gzip; do command -v $tool >/dev/null && echo $tool; done
true
"""


class PodmanMissing(FerryError):
    code = "podman_missing"

    def __init__(self, node: str) -> None:
        super().__init__(
            f"Podman is not installed on {node}.",
            cause="The command `podman` was not found there.",
            remedy=(
                "Install it on the host: `apt-get install podman criu` on Debian and Ubuntu, "
                "`dnf install podman criu` on Fedora and RHEL. Then choose Reconnect."
            ),
        )


class PodmanFailed(FerryError):
    code = "podman_failed"

    def __init__(self, node: str, stderr: str) -> None:
        super().__init__(
            f"Podman does not answer on {node}.",
            cause=stderr.strip(),
            remedy="Run `podman info` on the host and mend what it complains about.",
        )


@dataclass(frozen=True, kw_only=True)
class HostFacts:
    """What one look at a node tells."""

    info: HostInfo
    criu_version: str
    criu_check: str
    criu_check_passed: bool
    staging_free_bytes: int
    graph_root_free_bytes: int
    cpu_flags: frozenset[str]
    # Which of tar (GNU's), zstd and gzip are there: see operations/unpack_ahead.py.
    tools: frozenset[str]

    def as_dict(self) -> dict[str, Any]:
        return {
            **self.info.as_dict(),
            "criu_version": self.criu_version,
            "criu_check": self.criu_check,
            "staging_free_bytes": self.staging_free_bytes,
            "graph_root_free_bytes": self.graph_root_free_bytes,
        }


async def read_host_facts(session: NodeSession) -> HostFacts:
    """Ask a node about itself.

    Raises PodmanMissing, PodmanFailed and what NodeSession.run raises.
    """
    try:
        info_text = (await session.run(info_argv())).stdout
    except CommandNotFound as failure:
        raise PodmanMissing(session.name) from failure
    except CommandFailed as failure:
        raise PodmanFailed(session.name, failure.stderr) from failure
    info = parse_info(info_text)
    version, check, staging, graph_root, cpu, tools = await asyncio.gather(
        session.run(version_argv(), check=False),
        session.run(check_argv(), check=False),
        _free_bytes(session, STAGING_PARENT),
        _free_bytes(session, info.graph_root),
        session.run(["grep", "-m1", "-E", "^(flags|Features)", "/proc/cpuinfo"], check=False),
        session.run(["sh", "-c", _TOOLS], check=False),
    )
    said = (check.stdout + check.stderr).strip()
    return HostFacts(
        info=info,
        criu_version=parse_version(version.stdout),
        criu_check=said,
        criu_check_passed=check.exit_status == 0 and LOOKS_GOOD in said,
        staging_free_bytes=staging,
        graph_root_free_bytes=graph_root,
        cpu_flags=frozenset(cpu.stdout.partition(":")[2].split()),
        tools=frozenset(tools.stdout.split()),
    )


async def _free_bytes(session: NodeSession, path: str) -> int:
    done = await session.run(["stat", "--file-system", "--format=%a %S", "--", path], check=False)
    if done.exit_status != 0:
        return 0
    blocks, block_bytes = done.stdout.split()
    return int(blocks) * int(block_bytes)


def readiness_findings(facts: HostFacts) -> list[Finding]:
    return [
        check_runs_as_root(facts),
        check_runtime(facts),
        check_criu(facts),
        check_cgroup_manager(facts),
    ]


def check_runs_as_root(facts: HostFacts) -> Finding:
    if facts.info.rootless:
        return error(
            "root",
            "Podman runs without root rights, so it cannot checkpoint.",
            "rootless: true",
            "Register the node as root, or with a user that may use sudo.",
        )
    return ok("root", "Podman runs as root.", f"podman {facts.info.podman_version}")


def check_runtime(facts: HostFacts) -> Finding:
    info = facts.info
    evidence = f"{info.runtime_path} {info.runtime_version}".strip()
    if info.runtime == "runc":
        return ok("runtime", "runc can checkpoint and restore.", evidence)
    return warning(
        "runtime",
        f"{info.runtime or 'The OCI runtime'} may lack checkpoint support.",
        evidence,
        'Set runtime = "runc" under [engine] in /etc/containers/containers.conf.',
    )


def check_criu(facts: HostFacts) -> Finding:
    if not facts.criu_version:
        return error(
            "criu",
            "CRIU is not installed.",
            facts.criu_check,
            "Install it: `apt-get install criu` or `dnf install criu`.",
        )
    evidence = f"criu {facts.criu_version} on kernel {facts.info.kernel}: {facts.criu_check}"
    if not facts.criu_check_passed:
        return error(
            "criu",
            "`criu check` fails.",
            evidence,
            "Install a CRIU that is as new as the kernel, and check the kernel's options.",
        )
    return ok("criu", "CRIU works with this kernel.", evidence)


def check_cgroup_manager(facts: HostFacts) -> Finding:
    manager = facts.info.cgroup_manager
    if manager == "cgroupfs":
        return ok("cgroup-manager", "cgroupfs keeps restored containers alive.", manager)
    return warning(
        "cgroup-manager",
        f"With the {manager or 'unknown'} cgroup manager a restored container may exit at once.",
        manager,
        'Set cgroup_manager = "cgroupfs" under [engine] in /etc/containers/containers.conf.',
    )
