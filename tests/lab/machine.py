"""A machine made of namespaces: its power switch and the commands that run on it."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from tests.lab import sshd
from tests.lab.cgroup import HostCgroup
from tests.lab.command import DEFAULT_TIMEOUT_S, SYSTEM_PATH, run_command
from tests.lab.errors import LabError
from tests.lab.link import Link
from tests.lab.network import Network
from tests.lab.places import SOURCE_FOLDER, instances_folder, locked, read_json, write_json
from tests.lab.process import RecordedProcess, child_pids, process_name
from tests.lab.rootfs import ensure_rootfs

INIT = "catatonit"
BOOT_TIMEOUT_S = 20.0
DISK_FOLDERS = ("upper", "work", "containers")
NAMESPACES = ("--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup")
ENVIRONMENT = {
    "PATH": SYSTEM_PATH,
    "HOME": "/root",
    "USER": "root",
    "LANG": "C.UTF-8",
}
# Joins the cgroup of $1, so that what follows freezes and dies with the host.
IN_CGROUP = 'echo $$ > "$1/cgroup.procs" || exit 125; shift; exec "$@"'
# The same in the background, with a log ($2), and says the PID.
LAUNCH = """
echo $$ > "$1/cgroup.procs" || exit 125
log=$2
shift 2
"$@" > "$log" 2>&1 < /dev/null &
echo $!
"""


class Machine:
    """Processes, network and disk of their own, as one thing that starts and stops."""

    def __init__(self, instance: str, name: str, network: Network) -> None:
        self.name = name
        self.port = sshd.PORT
        self.folder = instances_folder() / instance / "hosts" / name
        recorded = read_json(self.folder / "host.json")
        self.index: int = recorded["index"]
        self.rootfs: str = recorded["rootfs"]
        self.address = network.address_of(self.index)
        self.cgroup = HostCgroup(instance, name)
        self.link = Link(network.veth_of(self.index), network.bridge)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name} {self.address}>"

    @property
    def host_key(self) -> str:
        """The public host key, "ssh-ed25519 AAAA…", without a comment."""
        path = self.folder / "upper" / f"{sshd.HOST_KEY}.pub"
        if not path.exists():
            raise LabError(f"{self.name} has no host key before its first start")
        return " ".join(path.read_text().split()[:2])

    @property
    def is_running(self) -> bool:
        """Whether the host is up, frozen or not."""
        init = RecordedProcess.load(self._record)
        return init is not None and init.is_running

    @property
    def init_pid(self) -> int:
        """The PID of the host's PID 1, as this machine sees it."""
        init = RecordedProcess.load(self._record)
        if init is None or not init.is_running:
            raise LabError(f"{self.name} is not running")
        return init.pid

    @property
    def is_frozen(self) -> bool:
        """Whether the host is frozen."""
        return self.cgroup.is_frozen

    def enter_argv(self, argv: Sequence[str]) -> list[str]:
        """Build the argv that runs another one on the host."""
        join = ["/bin/sh", "-c", IN_CGROUP, "sh", str(self.cgroup.leaf)]
        enter = ["nsenter", "--target", str(self.init_pid), *NAMESPACES, "--"]
        return [*join, *enter, *argv]

    def run(
        self,
        argv: Sequence[str],
        *,
        check: bool = True,
        timeout: float | None = DEFAULT_TIMEOUT_S,
        input: str | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run argv on the host as root, without SSH.

        Raises CommandError with argv, exit status and stderr.
        """
        if self.is_frozen:
            raise LabError(f"{self.name} is frozen: thaw it before you run {list(argv)}")
        return run_command(
            self.enter_argv(argv), where=self.name, shown=argv,
            check=check, timeout=timeout, input=input, env=ENVIRONMENT,
        )  # fmt: skip

    def path(self, inside: str) -> Path:
        """Return where this machine sees a file of the running host.

        An absolute symbolic link on the way would lead to this machine's files.
        """
        return Path(f"/proc/{self.init_pid}/root") / inside.lstrip("/")

    def shell(
        self, script: str, *parameters: str, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run a constant shell script on the host; what varies goes into $1, $2 …"""
        return self.run(["/bin/sh", "-c", script, "sh", *parameters], check=check)

    def start(self) -> None:
        """Start the host on the disk that it has, and wait for its sshd."""
        with locked(self.folder / "lock"):
            if not self.is_running:
                self._boot()
            if self.is_frozen:
                self.thaw()
            self.link.connect(self.init_pid, self.address)
            sshd.start(self)
        sshd.wait_until_it_answers(self.address)

    def stop(self) -> None:
        """Kill the host as a power cut would; its disk stays."""
        with locked(self.folder / "lock"):
            init = RecordedProcess.load(self._record)
            if init is not None:
                init.kill()
            self.cgroup.kill()
            self.cgroup.remove()
            self.link.remove()
            self._record.unlink(missing_ok=True)

    def wipe(self) -> None:
        """Stop the host and forget its disk, host key included."""
        self.stop()
        with locked(self.folder / "lock"):
            self._forget_disk()

    def freeze(self) -> None:
        """Stop every process where it is; the kernel still takes connections."""
        self.cgroup.freeze()

    def thaw(self) -> None:
        """Let a frozen host go on."""
        self.cgroup.thaw()

    @property
    def _record(self) -> Path:
        return self.folder / "init.json"

    @property
    def _boot_log(self) -> Path:
        return self.folder / "boot.log"

    def _boot(self) -> None:
        # A crash may have left processes, their link, and a cgroup that nobody may
        # join any more, since Podman passes controllers on in it.
        self.cgroup.kill()
        self.cgroup.remove()
        self.link.remove()
        self.cgroup.create()
        lower = ensure_rootfs(self.rootfs)
        self._prepare_disk(lower)
        isolate = ["unshare", *NAMESPACES, "--fork", "--kill-child", "--mount-proc"]
        boot = ["/bin/sh", str(SOURCE_FOLDER / "boot.sh"), str(lower)]
        launch = ["/bin/sh", "-c", LAUNCH, "sh", str(self.cgroup.path), str(self._boot_log)]
        argv = [*launch, *isolate, *boot, str(self.folder), self.name]
        unshare = RecordedProcess.of(int(run_command(argv, env=ENVIRONMENT).stdout))
        RecordedProcess.of(self._wait_for_init(unshare)).save(self._record)
        self.cgroup.move_to_leaf()

    def _wait_for_init(self, unshare: RecordedProcess) -> int:
        """Return the init's PID as soon as the boot script has become the init."""
        deadline = time.monotonic() + BOOT_TIMEOUT_S
        while unshare.is_running and time.monotonic() < deadline:
            for pid in child_pids(unshare.pid):
                if process_name(pid) == INIT:
                    return pid
            time.sleep(0.01)
        unshare.kill()
        log = self._boot_log.read_text(errors="replace")
        raise LabError(f"{self.name} did not start: {log.strip()[-1000:]}")

    def _prepare_disk(self, lower: Path) -> None:
        built_on = self.folder / "rootfs.json"
        if read_json(built_on) != lower.name:
            # An overlay's upper layer means nothing on another lower one.
            self._forget_disk()
        write_json(built_on, lower.name)
        for part in (*DISK_FOLDERS, "root"):
            (self.folder / part).mkdir(parents=True, exist_ok=True)
        etc = self.folder / "upper" / "etc"
        etc.mkdir(exist_ok=True)
        (etc / "hostname").write_text(f"{self.name}\n")
        own = f"{self.address} {self.name}"
        (etc / "hosts").write_text(f"127.0.0.1 localhost\n::1 localhost\n{own}\n")

    def _forget_disk(self) -> None:
        for part in DISK_FOLDERS:
            if (self.folder / part).exists():
                shutil.rmtree(self.folder / part)
