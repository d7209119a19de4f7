"""Hold Podman or runc on a host at a chosen command, so that a phase lasts until it was struck.

A script stands before the real program. It holds while the host's /run says so, which a host that
is booted again has forgotten.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from tests.lab import Host

# Podman is found by PATH, runc by the path that Podman knows it by: a symbolic link to sbin.
PROGRAMS = {
    "podman": ("/usr/local/bin/podman", "/usr/bin/podman"),
    "runc": ("/usr/bin/runc", "/usr/sbin/runc"),
}
_FOLDER = "/run/ferry-gates"
# @PROGRAM@ and @REAL@ are put in. A gate's file says "before WORDS" or "after WORDS". It ends by
# itself after a minute, so that no host is left stuck by a test that died.
_SCRIPT = """#!/bin/sh
gate=/run/ferry-gates/@PROGRAM@
read -r when words 2>/dev/null < "$gate" || exec @REAL@ "$@"
case " $* " in *" $words "*) ;; *) exec @REAL@ "$@" ;; esac
hold() {
  echo $$ > "$gate.reached"
  tries=0
  while [ -e "$gate" ] && [ $tries -lt 3000 ]; do sleep 0.02; tries=$((tries + 1)); done
}
if [ "$when" = before ]; then
  hold
  exec @REAL@ "$@"
fi
@REAL@ "$@"
status=$?
hold
exit $status
"""


def install(host: Host) -> None:
    """Put the scripts in place; they do nothing until a gate is closed."""
    for program, (place, real) in PROGRAMS.items():
        script = _SCRIPT.replace("@PROGRAM@", program).replace("@REAL@", real)
        host.shell('rm -f "$1" && printf %s "$2" > "$1" && chmod 0755 "$1"', place, script)


@dataclass(kw_only=True)
class Gate:
    """Hold ``program`` before or after a command whose arguments hold ``words``."""

    host: Host
    program: str
    when: str
    words: str

    def close(self) -> None:
        script = 'mkdir -p "$1" && rm -f "$1/$2.reached" && echo "$3" > "$1/$2"'
        self.host.shell(script, _FOLDER, self.program, f"{self.when} {self.words}")

    def wait(self, timeout_s: float) -> bool:
        """Wait until something is held; return False when nothing came."""
        deadline = time.monotonic() + timeout_s
        reached = self.host.path(f"{_FOLDER}/{self.program}.reached")
        while time.monotonic() < deadline:
            if reached.exists():
                return True
            time.sleep(0.01)
        return False

    def open(self) -> None:
        if self.host.is_running:
            self.host.path(f"{_FOLDER}/{self.program}").unlink(missing_ok=True)
