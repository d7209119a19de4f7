"""A server of a test's own: started in a folder of its own, stopped by its own process."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

START_S = 30.0
STOP_S = 30.0


class Server:
    """Below /tmp, for the path of a socket is limited to 107 bytes."""

    # Who runs it, where the program refuses to run as root.
    user = "root"

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=f"ferry-{type(self).__name__.lower()}-"))
        self.process: subprocess.Popen[bytes] | None = None
        if self._as_another_user:
            owner = pwd.getpwnam(self.user)
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)

    @property
    def log(self) -> Path:
        return self.folder / "log"

    @property
    def _as_another_user(self) -> bool:
        return os.geteuid() == 0 and self.user != "root"

    def launch(self, argv: Sequence[str], answers: Callable[[], bool]) -> None:
        """Start the program and wait until it answers."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self._as_user(argv), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        deadline = time.monotonic() + START_S
        while not answers():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)

    def run(self, argv: Sequence[str]) -> None:
        """Run a program of the server's to its end, as its user."""
        done = subprocess.run(
            self._as_user(argv), capture_output=True, text=True, check=False, cwd=self.folder
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def stop(self) -> None:
        if self.process is not None:
            self.end(self.process)
            self.process = None
        shutil.rmtree(self.folder)

    def end(self, process: subprocess.Popen[bytes]) -> None:
        process.terminate()
        process.wait(STOP_S)

    def _as_user(self, argv: Sequence[str]) -> list[str]:
        if not self._as_another_user:
            return list(argv)
        # exec: the process that is stopped is the server's own.
        ids = ["--reuid", self.user, "--regid", self.user, "--clear-groups"]
        return ["setpriv", *ids, *argv]
