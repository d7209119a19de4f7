"""Run a long command detached on a node, so that it outlives the connection.

Its folder holds NAME.begun, NAME.pid, NAME.stdout, NAME.stderr and, when it has ended,
NAME.status. Whoever knows the folder can attach to it again. Making NAME.begun is the one act by
which a step starts or is forbidden for ever: a start that is still under way when a rollback asks
either has begun, and is waited for, or never will.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import PurePosixPath

from nodes.operations.again import again_when_lost
from nodes.ssh.errors import CommandTimedOut, SshError
from nodes.ssh.session import Completed, NodeSession

# A PID alone may belong to another process after a while, and does after a reboot.
_IDENTITY = """
boot() { cat /proc/sys/kernel/random/boot_id; }
begun_at() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20; }
alive() { [ "$(boot)" = "$3" ] && [ -n "$2" ] && [ "$(begun_at "$1")" = "$2" ]; }
"""
# $1 folder, $2 name, then the command. Status and PID are moved into place, never half written.
# The status is written over a file made beforehand (1<> does not truncate): the command may fill
# the disk, and just then its status matters.
_START = """
set -eu
umask 077
dir=$1 name=$2
shift 2
cd "$dir"
mkdir "$name.begun"
echo "            " > "$name.status.new"
cat /proc/sys/kernel/random/boot_id > "$name.begun/boot"
setsid -f sh -c '
  name=$1
  shift
  "$@" > "$name.stdout" 2> "$name.stderr" < /dev/null &
  pid=$!
  begun_at=$(sed "s/.*) //" "/proc/$pid/stat" | cut -d " " -f 20)
  echo "$pid $begun_at $(cat /proc/sys/kernel/random/boot_id)" > "$name.pid.new"
  mv "$name.pid.new" "$name.pid"
  wait $pid
  echo $? 1<> "$name.status.new"
  mv "$name.status.new" "$name.status"
' ferry-step "$name" "$@" < /dev/null > /dev/null 2>&1
tries=0
while [ ! -s "$name.pid" ] && [ $tries -lt 500 ]; do sleep 0.01; tries=$((tries + 1)); done
cat "$name.pid"
"""
# $1 folder, $2 name. Where there is no folder a late start fails at its cd.
_FORBID = """
cd "$1" 2>/dev/null || exit 0
if [ -e "$2.forbidden" ]; then echo forbidden; exit 0; fi
if mkdir "$2.begun" 2>/dev/null; then : > "$2.forbidden"; echo forbidden; else echo begun; fi
"""
# $1 folder, $2 name. tail --pid sleeps until the process has gone, without forking.
_WAIT = (
    _IDENTITY
    + """
cd "$1" || exit 3
tries=0
while [ ! -s "$2.pid" ] && [ $tries -lt 200 ]; do
  [ "$(cat "$2.begun/boot" 2>/dev/null)" = "$(boot)" ] || break
  sleep 0.05
  tries=$((tries + 1))
done
if [ -s "$2.pid" ]; then
  read -r pid since booted < "$2.pid"
  if [ ! -e "$2.status" ] && alive "$pid" "$since" "$booted"; then
    tail --pid="$pid" -s 0.05 -f /dev/null
  fi
elif [ "$(cat "$2.begun/boot" 2>/dev/null)" = "$(boot)" ]; then
  echo unclear
  exit 0
fi
tries=0
while [ ! -e "$2.status" ] && [ $tries -lt 100 ]; do sleep 0.02; tries=$((tries + 1)); done
status=$(tr -d ' \n' < "$2.status" 2>/dev/null)
full=
[ "$(stat --file-system --format=%a .)" != 0 ] || full=full
echo "${status:-killed} $full"
"""
)
# $1 folder, $2 name.
_PID = (
    _IDENTITY
    + """
cd "$1" 2>/dev/null && [ -s "$2.pid" ] || exit 0
read -r pid since booted < "$2.pid"
if [ ! -e "$2.status" ] && alive "$pid" "$since" "$booted"; then echo "$pid"; else echo gone; fi
"""
)
# $1 folder, $2 name. Only a process that still runs, and whose status is not written yet.
_TERMINATE = (
    _IDENTITY
    + """
cd "$1" 2>/dev/null || exit 0
[ -s "$2.pid" ] || exit 0
read -r pid since booted < "$2.pid"
[ -e "$2.status" ] || ! alive "$pid" "$since" "$booted" || kill -TERM "$pid" 2>/dev/null || true
"""
)
# $1 folder, $2 name. The step leads a session of its own, which all its children share.
_KILL = (
    _IDENTITY
    + r"""
cd "$1" 2>/dev/null && [ -s "$2.pid" ] || exit 0
read -r pid since booted < "$2.pid"
alive "$pid" "$since" "$booted" || exit 0
sessions() { sed -n 's/^\([0-9]*\) (.*) . [0-9]* [0-9]* \([0-9]*\) .*/\1 \2/p' "$@" 2>/dev/null; }
session=$(sessions "/proc/$pid/stat" | cut -d ' ' -f 2)
sessions /proc/[0-9]*/stat | while read -r each its; do
  [ "$its" != "$session" ] || kill -KILL "$each" 2>/dev/null || true
done
"""
)
_KILLED_STATUS = 137
_TERMINATED_WITHIN_S = 15.0
_KILLED_WITHIN_S = 30.0
# No process ever has it: the kernel's numbers end at 2**22 (proc_sys_kernel(5), pid_max).
NO_PID = 2**31 - 1
_DAY_S = 24 * 3600.0
_MOST_OUTPUT_BYTES = 256 * 1024


class StepUnclear(SshError):
    """The step has begun, but has not said as which process."""

    code = "step_unclear"


@dataclass(frozen=True, kw_only=True)
class RemoteStep:
    """A command running, or ended, in a folder on a node."""

    session: NodeSession
    folder: PurePosixPath
    name: str

    async def start(self, argv: Sequence[str]) -> int:
        """Start the command, once, and return its PID on the node. Raises StepUnclear."""
        done = await self.session.run(
            ["sh", "-c", _START, "start-step", str(self.folder), self.name, *argv]
        )
        if not done.stdout.strip():
            raise self._unclear()
        return int(done.stdout.split()[0])

    async def pid(self) -> int:
        """Return the command's PID on the node, NO_PID once it has ended. Raises StepUnclear."""
        found = (await self._script(_PID)).strip()
        if not found:
            raise self._unclear()
        # By now another process may have its number.
        return NO_PID if found == "gone" else int(found)

    async def forbid(self) -> bool:
        """See to it that the step never begins; return True if it has begun already."""
        return (await self._script(_FORBID)).strip() == "begun"

    async def never_begins(self) -> bool:
        """See to it that the step never begins; return False if it has, or may have been.

        Where the folder is gone nobody knows what it held.
        """
        return (await self._script(_FORBID)).strip() == "forbidden"

    async def wait(self, timeout_s: float = _DAY_S) -> Completed:
        """Wait for its end, attaching again whenever the connection is lost.

        Raises CommandTimedOut, and StepUnclear when a step that has begun does not say as which
        process.
        """
        answer = await again_when_lost(lambda: self._script(_WAIT, timeout_s=timeout_s))
        status, _, full = answer.strip().partition(" ")
        if status == "unclear":
            raise self._unclear()
        stderr = await again_when_lost(lambda: self._read("stderr"))
        return Completed(
            stdout=await again_when_lost(lambda: self._read("stdout")),
            # What the command said about the full disk did not fit on it either.
            stderr=stderr or (f"{self.folder}: no space left on device" if full else ""),
            exit_status=_KILLED_STATUS if status == "killed" else int(status),
        )

    async def terminate(self) -> None:
        """Send SIGTERM if it still runs."""
        await self._script(_TERMINATE)

    async def end(self, grace_s: float) -> None:
        """Wait for its end for a while; then terminate it, then kill it and its children."""
        with suppress(CommandTimedOut):
            await self.wait(grace_s)
            return
        await self.terminate()
        with suppress(CommandTimedOut):
            await self.wait(_TERMINATED_WITHIN_S)
            return
        await self._script(_KILL)
        await self.wait(_KILLED_WITHIN_S)

    def _unclear(self) -> StepUnclear:
        return StepUnclear(
            f"The step {self.name} on {self.session.name} has begun, but not said as what.",
            remedy=f"Look for it on {self.session.name}: {self.folder}.",
        )

    async def _read(self, stream: str) -> str:
        path = str(self.folder / f"{self.name}.{stream}")
        argv = ["tail", f"--bytes={_MOST_OUTPUT_BYTES}", "--", path]
        return (await self.session.run(argv, check=False)).stdout

    async def _script(self, script: str, *, timeout_s: float = 60) -> str:
        argv = ["sh", "-c", script, "step", str(self.folder), self.name]
        return (await self.session.run(argv, timeout_s=timeout_s)).stdout
