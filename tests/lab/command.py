"""Run commands as argv lists and say clearly how they failed."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.lab.errors import CommandError, LabError

DEFAULT_TIMEOUT_S = 60.0
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def run_command(
    argv: Sequence[str],
    *,
    where: str = "this machine",
    shown: Sequence[str] | None = None,
    check: bool = True,
    timeout: float | None = DEFAULT_TIMEOUT_S,
    input: str | None = None,
    env: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run argv to its end and return its output.

    Raises CommandError (unless check is off) and LabError when the time is
    over. `shown` is the argv to name in errors if it differs from what runs.
    """
    shown = list(shown or argv)
    stdin = subprocess.DEVNULL if input is None else subprocess.PIPE
    # A session of its own, since a timeout must also end what nsenter forked.
    with subprocess.Popen(
        list(argv),
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        env=env or _with_system_path(),
        start_new_session=True,
    ) as process:
        try:
            stdout, stderr = process.communicate(input, timeout=timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise LabError(f"{where}: {shown} did not end within {timeout} s") from None
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    if check and process.returncode != 0:
        raise CommandError(shown, process.returncode, stderr, where=where)
    return subprocess.CompletedProcess(shown, process.returncode, stdout, stderr)


def run_to_log(argv: Sequence[str], log: Path, *, env: Mapping[str, str]) -> None:
    """Run a long command with its output in a file, whose end an error shows."""
    with log.open("ab") as output:
        process = subprocess.run(
            list(argv), stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=env, check=False
        )
    if process.returncode != 0:
        tail = log.read_text(errors="replace")[-2000:]
        raise CommandError(
            argv, process.returncode, f"{tail}\n(all of it: {log})", where="this machine"
        )


def _with_system_path() -> dict[str, str]:
    """Return this process's environment, in which `ip` and `tc` are always found."""
    return {**os.environ, "PATH": f"{os.environ.get('PATH', '')}:{SYSTEM_PATH}"}
