"""Turn a failed command and its logs into an error that names the cause and the remedy."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from nodes.criu.diagnosis import Diagnosis, Evidence, diagnose, error_lines
from nodes.host.facts import HostFacts
from nodes.operations.errors import FetchedLog, WorkflowError
from nodes.podman.argv import logs_argv
from nodes.podman.containers import ContainerDetail
from nodes.problem import FerryError
from nodes.ssh.session import Completed, NodeSession

# Far more than CRIU writes about a container of some thousand processes; less than a session takes.
_MOST_LOG_BYTES = 8 * 1024 * 1024
_CONTAINER_LOG_LINES = 200
# Podman 5.8: "… criu failed: type NOTIFY errno 0 … log file: /…/dump.log".
_LOG_PATH = re.compile(r"(/\S+/(?:dump|restore)\.log)")
_SYSTEMD_LABEL = "PODMAN_SYSTEMD_UNIT"

Failure = TypeVar("Failure", bound=WorkflowError)


def facts_for_diagnosis(
    node: str, host: HostFacts | None = None, container: ContainerDetail | None = None
) -> dict[str, str]:
    """Return what nodes.criu's rules may ask about a node and a container on it."""
    facts = {"node": node}
    if host:
        facts |= {
            "runtime": host.info.runtime,
            "kernel": host.info.kernel,
            "criu_version": host.criu_version,
            "podman_version": host.info.podman_version,
            "cgroup_manager": host.info.cgroup_manager,
            "rootless": str(host.info.rootless).lower(),
            "selinux": host.selinux,
        }
    if container:
        facts |= {
            "container": container.name,
            "systemd_unit": container.labels.get(_SYSTEMD_LABEL, ""),
        }
        if container.cgroup_manager:
            facts["cgroup_manager"] = container.cgroup_manager
    return facts


async def explain(
    failure: type[Failure],
    message: str,
    session: NodeSession,
    done: Completed,
    *,
    log_path: str = "",
    facts: Mapping[str, str] | None = None,
) -> Failure:
    """Return the error to raise; CRIU's log is read from the node when there is one."""
    named = _LOG_PATH.search(done.stderr)
    path = named.group(1) if named else log_path
    log = await _read_log(session, path)
    marked = await asyncio.to_thread(error_lines, log)
    found = await _diagnose(
        Evidence(log=log, stderr=done.stderr, facts=facts or facts_for_diagnosis(session.name))
    )
    said = marked[0] if marked else (done.stderr.strip().splitlines() or ["no output"])[-1]
    error = _told(failure, message, session.name, found, said)
    error.logs = [
        FetchedLog(name=name, node=session.name, text=text)
        for name, text in ((_log_name(path), log), ("podman.log", done.stderr))
        if text.strip()
    ]
    return error


def explain_text(
    failure: type[Failure], message: str, node: str, said: str, *, remedy: str
) -> Failure:
    """Return the error for what some program said; ``remedy`` is for what no rule knows."""
    found = diagnose(Evidence(stderr=said, facts=facts_for_diagnosis(node)))
    lines = [line for line in said.splitlines() if line.strip()]
    return _told(failure, message, node, found, lines[-1] if lines else "no output", remedy)


async def explain_exit(
    failure: type[Failure],
    message: str,
    session: NodeSession,
    container: ContainerDetail,
    facts: Mapping[str, str],
    *,
    remedy: str = "",
) -> Failure:
    """Return why a restored container does not run: its end, its own last words, CRIU's log.

    A ``remedy`` is told instead of what the rule advises.
    """
    restore_log = await _read_log(session, container.restore_log)
    own_log = await _read_own_log(session, container.podman_id)
    found = await _diagnose(
        Evidence(log=restore_log, container_log=own_log, exit_code=container.exit_code, facts=facts)
    )
    said = f"State {container.state}, exit code {container.exit_code}."
    error = _told(failure, message, session.name, found, said)
    if remedy:
        error.problem = replace(error.problem, remedy=remedy)
    error.logs = [
        FetchedLog(name=name, node=session.name, text=text, is_private=name == "container.log")
        for name, text in (("restore.log", restore_log), ("container.log", own_log))
        if text.strip()
    ]
    return error


async def _diagnose(evidence: Evidence) -> Diagnosis | None:
    # A log of 8 MiB takes a third of a second, in which transfers must go on.
    return await asyncio.to_thread(diagnose, evidence)


def _told(
    failure: type[Failure],
    message: str,
    node: str,
    found: Diagnosis | None,
    said: str,
    remedy: str = "Read the operation's logs, mend what they name, then try again.",
) -> Failure:
    if found is None:
        return failure(message, cause=said, remedy=remedy, line=said)
    error = failure(
        message,
        cause=found.cause,
        remedy=found.remedy,
        options=found.rule.options,
        rule=found.rule.id,
        line=found.line,
        action=str(found.rule.action),
        node=node,
    )
    error.diagnosed = True
    return error


def _log_name(path: str) -> str:
    # The node tells the path: nothing of it becomes a name here.
    return "restore.log" if path.endswith("/restore.log") else "dump.log"


async def _read_own_log(session: NodeSession, container_id: str) -> str:
    try:
        printed = await session.run(logs_argv(container_id, tail=_CONTAINER_LOG_LINES), check=False)
    except FerryError:
        return ""
    return (printed.stdout + printed.stderr).strip()


async def _read_log(session: NodeSession, path: str) -> str:
    if not path:
        return ""
    argv = ["tail", "--bytes", str(_MOST_LOG_BYTES), "--", path]
    try:
        return (await session.run(argv, check=False)).stdout
    except FerryError:
        # A node that has gone meanwhile must not hide what it said before.
        return ""
