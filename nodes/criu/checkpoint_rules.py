"""What a container holds that CRIU does not dump, or not without an option."""

from __future__ import annotations

from nodes.criu.rule import Rule

_MEASURED = "measured: Podman 5.8.6, CRIU 4.2.1"

CHECKPOINT_RULES = (
    Rule(
        id="tcp-established",
        pattern=r"Connected TCP socket",
        cause="The container has open TCP connections.",
        remedy="Try again with --tcp-established.",
        options={"tcp_established": True},
        source=f"field note 6, {_MEASURED}; criu/sk-inet.c",
    ),
    Rule(
        id="in-flight-connection",
        pattern=r"In-flight connection",
        cause="A client was just connecting to a server in the container.",
        remedy="Try again. If clients connect all the time, put the line `skip-in-flight` into "
        "/etc/criu/runc.conf on the source: such a client has to connect anew.",
        source="criu/sk-inet.c; criu(8), --skip-in-flight",
    ),
    Rule(
        id="file-locks",
        pattern=r"Some file locks are hold",
        cause="A process in the container holds a file lock.",
        remedy="Try again with --file-locks.",
        options={"file_locks": True},
        source=f"{_MEASURED}; criu/file-lock.c",
    ),
    Rule(
        id="external-socket",
        pattern=r"External socket is used",
        cause="A process is connected to a unix socket whose other end is outside the container.",
        remedy="Run the container without the mount that brings in the socket, then try again.",
        source=f"{_MEASURED}; criu/sk-unix.c",
    ),
    Rule(
        id="ghost-file",
        pattern=r"Can't dump ghost file",
        cause="A process keeps a deleted file open that is larger than CRIU's limit.",
        remedy="Raise `ghost-limit` in /etc/criu/runc.conf on the source, then try again.",
        source=f"{_MEASURED}; criu/files-reg.c",
    ),
    Rule(
        id="io-uring",
        pattern=r"anon_inode:\[io_uring\]",
        cause="A process uses io_uring, which CRIU cannot checkpoint.",
        remedy="Switch io_uring off in the program's own settings.",
        source=f"{_MEASURED}; criu/files-ext.c",
    ),
    Rule(
        id="freeze-timeout",
        pattern=r"Timeout reached\. Try to interrupt|Unseizable non-zombie",
        cause="The container's processes could not be frozen within CRIU's ten seconds.",
        remedy="Try again. A program that starts processes all the time, or one that waits for a "
        "disk (state D), can be frozen only in a calm moment.",
        source="measured: CRIU 4.2.1 and a shell that forked every 0.2 s; criu/cr-dump.c",
    ),
    Rule(
        id="cgroup-gone",
        pattern=r"cg: failed walking .{1,300} for empty cgroups",
        cause="A control group of the host went away while CRIU read them: something else ended "
        "at that moment.",
        remedy="Try again.",
        source=f"{_MEASURED}; criu/cgroup.c",
    ),
    Rule(
        id="terminal",
        pattern=r"tty: (?:ctty inheritance|Found dangling tty|Found slave peer|Only one slave)"
        r"|Task attached to shell terminal|for fd=-?[0-9]+ path=/dev/pts/"
        r"|/dev/console doesn't have a proper root mount",
        cause="A process has a terminal that is not the container's own: an exec session, or a "
        "console that somebody is attached to.",
        remedy="End the exec sessions and detach from the container, or start it without a "
        "terminal (podman run without -t), then try again.",
        source="criu/tty.c; runc#87, runc#1202, criu#596",
    ),
    Rule(
        id="device",
        pattern=r"Can't dump file -?[0-9]+ of that type \[[0-7]+\] \((?:chr|blk) "
        r"|handle_device_vma plugin failed|Can't handle non-regular mapping"
        r"|(?:nvidia|cuda|amdgpu|/dev/(?:dri|kfd)).{0,200}"
        r"(?:proper root mount|unreachable sharing)",
        cause="The container uses a device, such as a GPU, and CRIU cannot save its state.",
        remedy="Run the container without that device: with it, it cannot migrate.",
        source="criu/files-ext.c, criu/mount.c; criu#1112, criu#3040, runc#4522",
    ),
)
