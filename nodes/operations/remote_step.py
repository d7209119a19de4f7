"""Run a long command detached on a node, so that it outlives the connection.

Its folder holds NAME.pid, NAME.stdout, NAME.stderr and, when it has ended, NAME.status. Whoever
knows the folder can attach to it again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from nodes.ssh.errors import NodeUnreachable
from nodes.ssh.session import Completed, NodeSession

logger = logging.getLogger(__name__)

# $1 folder, $2 name, then the command. The status is moved into place, never half written.
_START = """
set -eu
umask 077
dir=$1 name=$2
shift 2
cd "$dir"
: > "$name.pid"
setsid -f sh -c '
  name=$1
  shift
  "$@" > "$name.stdout" 2> "$name.stderr" < /dev/null &
  echo $! > "$name.pid"
  wait $!
  echo $? > "$name.status.new"
  mv "$name.status.new" "$name.status"
' ferry-step "$name" "$@" < /dev/null > /dev/null 2>&1
tries=0
while [ ! -s "$name.pid" ] && [ $tries -lt 500 ]; do sleep 0.01; tries=$((tries + 1)); done
cat "$name.pid"
"""
# $1 folder, $2 name. tail --pid sleeps until the process has gone, without forking.
_WAIT = """
cd "$1" || exit 3
[ -e "$2.status" ] || tail --pid="$(cat "$2.pid")" -s 0.05 -f /dev/null
tries=0
while [ ! -e "$2.status" ] && [ $tries -lt 100 ]; do sleep 0.02; tries=$((tries + 1)); done
cat "$2.status" 2>/dev/null || echo killed
"""
# $1 folder, $2 name. Only a process that still runs, and whose status is not written yet.
_TERMINATE = """
cd "$1" 2>/dev/null || exit 0
[ -s "$2.pid" ] || exit 0
[ -e "$2.status" ] || kill -TERM "$(cat "$2.pid")" 2>/dev/null || true
"""
REATTACH_FOR_S = 60.0
_KILLED_STATUS = 137


@dataclass(frozen=True, kw_only=True)
class RemoteStep:
    """A command running, or ended, in a folder on a node."""

    session: NodeSession
    folder: PurePosixPath
    name: str

    async def start(self, argv: Sequence[str]) -> int:
        """Start the command and return its PID on the node."""
        done = await self.session.run(
            ["sh", "-c", _START, "start-step", str(self.folder), self.name, *argv]
        )
        return int(done.stdout)

    async def wait(self) -> Completed:
        """Wait for its end, attaching again for a minute whenever the connection is lost."""
        status = await self._wait_status()
        stdout, stderr = await asyncio.gather(self._read("stdout"), self._read("stderr"))
        return Completed(stdout=stdout, stderr=stderr, exit_status=status)

    async def has_started(self) -> bool:
        path = str(self.folder / f"{self.name}.pid")
        return (await self.session.run(["test", "-s", path], check=False)).exit_status == 0

    async def terminate(self) -> None:
        """Send SIGTERM if it still runs."""
        await self._script(_TERMINATE)

    async def _wait_status(self) -> int:
        clock = asyncio.get_running_loop().time
        give_up_at: float | None = None
        while True:
            try:
                text = (await self._script(_WAIT, timeout_s=24 * 3600)).strip()
                return _KILLED_STATUS if text == "killed" else int(text)
            except NodeUnreachable:
                give_up_at = give_up_at or clock() + REATTACH_FOR_S
                if clock() > give_up_at:
                    raise
                logger.info("%s: lost while %s runs, attaching again", self.session.name, self.name)
                await asyncio.sleep(1)

    async def _read(self, stream: str) -> str:
        path = str(self.folder / f"{self.name}.{stream}")
        return (await self.session.run(["cat", "--", path], check=False)).stdout

    async def _script(self, script: str, *, timeout_s: float = 60) -> str:
        argv = ["sh", "-c", script, "step", str(self.folder), self.name]
        return (await self.session.run(argv, timeout_s=timeout_s)).stdout
