"""Turn a failed command and its logs into an error that names the cause and the remedy."""

from __future__ import annotations

import re
from typing import TypeVar

from nodes.criu.diagnosis import diagnose, error_lines
from nodes.operations.errors import WorkflowError
from nodes.ssh.session import Completed, NodeSession

_LOG_TAIL_BYTES = 256 * 1024
# Podman 5.8: "… criu failed: type NOTIFY errno 0 … log file: /…/dump.log".
_LOG_PATH = re.compile(r"(/\S+/(?:dump|restore)\.log)")

Failure = TypeVar("Failure", bound=WorkflowError)


async def explain(
    failure: type[Failure],
    message: str,
    session: NodeSession,
    done: Completed,
    *,
    log_path: str = "",
) -> Failure:
    """Return the error to raise; CRIU's log is read from the node when there is one."""
    named = _LOG_PATH.search(done.stderr)
    log = await _read_log(session, named.group(1) if named else log_path)
    evidence = error_lines(log)
    found = diagnose("\n".join(evidence)) or diagnose(done.stderr) or diagnose(log)
    said = evidence[0] if evidence else (done.stderr.strip().splitlines() or ["no output"])[-1]
    if found:
        error = failure(
            message,
            cause=f"{found.rule.cause} The log says: {found.line}",
            remedy=found.rule.remedy,
            options=found.rule.options,
        )
        error.diagnosed = True
    else:
        error = failure(
            message, cause=said, remedy="Read the operation's log below, mend it, then try again."
        )
    error.log = f"{done.stderr.strip()}\n\n{log}".strip()
    return error


async def _read_log(session: NodeSession, path: str) -> str:
    if not path:
        return ""
    argv = ["tail", "--bytes", str(_LOG_TAIL_BYTES), "--", path]
    return (await session.run(argv, check=False)).stdout
