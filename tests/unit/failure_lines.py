"""What Podman, CRIU and OCI runtimes write when something fails, by the rule that knows it.

Lines without an origin are of the lab: Podman 5.8.6, CRIU 4.2.1, runc 1.3.6. Others name the
public report that quotes them, or the source file whose format string they follow.
"""

from __future__ import annotations

CHECKPOINT_LINES = [
    (
        "cgroup-gone",
        "(00.144094) Error (criu/cgroup.c:742): cg: failed walking /proc/self/fd/18/../2efcfe25af"
        " for empty cgroups: No such file or directory",
    ),
    # The lab's line, its beginning as criu/cr-dump.c writes it.
    ("freeze-timeout", "Error (criu/cr-dump.c): Timeout reached. Try to interrupt: 0"),
    (
        "systemd-missing",
        "Error: crun: cannot open sd-bus: No such file or directory: OCI runtime attempted to "
        "invoke a command that was not found",
    ),
    (
        "tcp-established",
        "(00.041167) Error (criu/sk-inet.c:200): inet: Connected TCP socket, consider using "
        "--tcp-established option.",
    ),
    (
        "in-flight-connection",
        "(00.189021) Error (criu/sk-inet.c:185): inet: In-flight connection (l) for d8e26",
    ),
    (
        "file-locks",
        "(00.271316) Error (criu/file-lock.c:110): Some file locks are hold by dumping tasks! "
        "You can try --file-locks to dump them.",
    ),
    (
        "external-socket",
        "(00.011434) Error (criu/sk-unix.c:826): unix: External socket is used. Consider using "
        "--ext-unix-sk option.",
    ),
    (
        "ghost-file",
        "(00.113274) Error (criu/files-reg.c:1031): Can't dump ghost file /data/ghost of 2002944 "
        "size, increase limit",
    ),
    (
        "io-uring",
        "(00.050213) Error (criu/files-ext.c:98): Can't dump file 5 of that type [0] "
        "(unknown anon_inode:[io_uring])",
    ),
    # criu#596.
    (
        "terminal",
        "Error (criu/tty.c:2324): tty: ctty inheritance detected sid/pgrp 20120, no PTY peer "
        "with sid/pgrp needed",
    ),
    # runc#1202.
    (
        "terminal",
        "(00.102068) Error (criu/files-reg.c:1122): Can't lookup mount=21 for fd=0 path=/dev/pts/2",
    ),
    # runc#87.
    (
        "terminal",
        "(00.001638) Error (mount.c:630): 81:./dev/console doesn't have a proper root mount",
    ),
    # criu#1112: a graphics card.
    (
        "device",
        "(00.005326) Error (criu/files-ext.c:95): Can't dump file 12 of that type [20660] "
        "(chr 226:0)",
    ),
    # runc#4522.
    (
        "device",
        "(07.507264) Error (criu/mount.c:1088): mnt: Mount 251 "
        "./proc/driver/nvidia/gpus/0000:00:04.0 (master_id: 5 shared_id: 0) has unreachable "
        "sharing. Try --enable-external-masters.",
    ),
    # cuda-checkpoint#19.
    (
        "device",
        "(00.007387) Error (criu/mount.c:757): mnt: "
        "637:./usr/lib/firmware/nvidia/550.127.05/gsp_tu10x.bin doesn't have a proper root mount",
    ),
    # criu#3040.
    (
        "device",
        "Error (criu/proc_parse.c:118): handle_device_vma plugin failed: No such file or directory",
    ),
]

NODE_LINES = [
    (
        "systemd-missing",
        "Error: runc: systemd not running on this host, cannot use systemd cgroups manager",
    ),
    # apt 3.3.3; the mirror's name is another.
    ("packages-conflict", "E: Packages need to be removed but remove is disabled."),
    (
        "packages-not-fetched",
        "W: Failed to fetch http://mirror.example/InRelease  Temporary failure resolving "
        "'mirror.example'",
    ),
    ("runtime-missing", 'Error: default OCI runtime "runc" not found: invalid argument'),
    ("package-unknown", "E: Unable to locate package criu"),
    # dnf4 and dnf5, as their documentation and reports quote them.
    ("package-unknown", "Error: Unable to find a match: criu"),
    ("package-unknown", "No match for argument: criu"),
    (
        "kernel-newer-than-criu",
        "(00.029411) Error (criu/sockets.c:570): sockets: Can't get 1:16 opt: Operation not "
        "supported",
    ),
    # criu#2718: CRIU's development branch of August 2025.
    (
        "kernel-newer-than-criu",
        "Error (criu/sockets.c:640): sockets: Can't get 1:16(34) opt: Operation not supported",
    ),
    # CRaC/criu#25, on kernel 6.13.
    (
        "kernel-newer-than-criu",
        "(00.025701) Error (criu/vdso.c:381): vdso: Unexpected rt vDSO area bounds",
    ),
    # criu#1916: CRIU 3.17.
    (
        "kernel-newer-than-criu",
        "Error (criu/vdso.c:441): vdso: Compat vdso helper exited with 255",
    ),
    # crun#1091.
    ("libcriu-missing", "2022-12-08T12:48:06.635351Z: could not load `libcriu.so.2`"),
    (
        "libcriu-missing",
        "could not load `libcriu.so.2`: `libcriu.so.2: cannot open shared object file: No such "
        "file or directory`",
    ),
    # criu#2317, crun#1337.
    (
        "runtime-without-checkpoint",
        "Error: configured runtime does not support checkpoint/restore",
    ),
    # podman pkg/checkpoint/checkpoint_restore.go.
    ("runtime-without-checkpoint", "Error: runtime /usr/bin/crun does not support pod restore"),
    (
        "criu-missing",
        'Error: failed to check for criu version: exec: "criu": executable file not found in $PATH',
    ),
    # podman pkg/criu/criu_linux.go.
    (
        "criu-missing",
        "Error: checkpoint/restore requires at least CRIU 31100, current version is 30000",
    ),
    # criu/cr-check.c.
    (
        "criu-rights",
        "CRIU needs to have the CAP_SYS_ADMIN or the CAP_CHECKPOINT_RESTORE capability:",
    ),
    ("criu-rights", "Running as non-root requires '--unprivileged'"),
    # criu#684.
    (
        "criu-rights",
        "(00.250351) pie: 14: Error (criu/pie/restorer.c:297): Unable to restore capabilities: -1",
    ),
    # criu#587.
    (
        "criu-features",
        "Error (criu/cr-check.c:626): Kernel doesn't support PTRACE_O_SUSPEND_SECCOMP",
    ),
    # runc libcontainer/criu_linux.go.
    ("criu-features", "criu is missing features"),
    # podman#2038.
    ("rootless", "Error: checkpointing a container requires root"),
    # podman cmd/podman/containers/restore.go.
    ("rootless", "Error: restoring a container requires root"),
    # runc#2009.
    ("rootless", "cannot checkpoint a rootless container"),
    # podman#13566: SELinux.
    (
        "selinux",
        "(00.241528) pie: 6: Error (criu/pie/restorer.c:180): can't write lsm profile -13",
    ),
    # podman#2334.
    (
        "selinux",
        "type=AVC msg=audit(1550142323.799:1167): avc:  denied  { connectto } for  pid=23569 "
        'comm="top" scontext=system_u:system_r:container_t:s0:c245,c463 '
        "tcontext=unconfined_u:system_r:container_runtime_t:s0-s0:c0.c1023 "
        "tclass=unix_stream_socket permissive=0",
    ),
    # criu#2011.
    ("selinux", "(00.015880) Error (criu/lsm.c:90): Invalid selinux context kernel"),
    (
        "network-lock",
        '127:Error (criu/util.c:642): execvp("iptables-restore", ...) failed: No such file or '
        "directory",
    ),
    # podman#11936.
    (
        "systemd-slice",
        "Error: did not receive systemd slice as cgroup parent when using systemd to manage "
        "cgroups: invalid argument",
    ),
    # nomad-driver-podman#274: the other way round.
    (
        "systemd-slice",
        "systemd slice received as cgroup parent when using cgroupfs: invalid argument",
    ),
    # podman#11936.
    (
        "systemd-slice",
        "(00.033060) Error (criu/cgroup.c:1350): cg: Failed writing 0-3 to "
        "cpuset/machine.slice/libpod-f7ff7ce4bd07.scope/cpuset.cpus: Permission denied",
    ),
    # runc#253.
    (
        "systemd-slice",
        "Error (cgroup.c:901): cg: Can't move into cpuset//sys/fs/cgroup/cpuset/docker/c2c42479/"
        "tasks (-1/0): No space left on device",
    ),
    ("no-space", "Error: write /var/lib/ferry/7/archive: no space left on device"),
    ("no-space", "dd: error writing '/var/lib/ferry/7/archive': No space left on device"),
]

RESTORE_LINES = [
    (
        "image-unknown",
        "Error: unable to copy from source docker://localhost/ferry-counter:latest: initializing "
        "source docker://localhost/ferry-counter:latest: pinging container registry localhost: "
        'Get "https://localhost/v2/": dial tcp [::1]:443: connect: connection refused',
    ),
    ("image-unknown", "Error: locating image with ID 289e21743143: 289e21743143: image not known"),
    (
        "port-in-use",
        "Error: cannot listen on the TCP port: listen tcp4 :8081: bind: address already in use",
    ),
    (
        "name-in-use",
        'Error: creating container storage: the container name "counter" is already in use by '
        "f0ae254b7a18. You have to remove that container to be able to reuse that name: that name "
        "is already in use, or use --replace to instruct Podman to do so.",
    ),
    ("id-in-use", "Error: creating container storage: that ID is already in use"),
    (
        "volume-in-use",
        "Error: volume with name counter-data already exists. Use --ignore-volumes to not restore "
        "content of volumes",
    ),
    (
        "file-missing",
        "(00.035885)      1: Error (criu/files-reg.c:2353): Can't open file bin/busybox on "
        "restore: No such file or directory",
    ),
    (
        "file-differs",
        "(00.027959)      1: Error (criu/files-reg.c:2294): File b/file has bad mode 0100600 "
        "(expect 0100644)",
    ),
    (
        "address-in-use",
        "Error: IPAM error: requested ip address 10.88.0.2 is already allocated to container ID "
        "253843740aa2",
    ),
    (
        "network-missing",
        "Error: unable to find network with name or ID grove-net: network not found",
    ),
    ("static-ip", "Error: requested static ip 10.77.0.9 not in any subnet on network grove-net"),
    # podman#11945.
    (
        "runtime-mismatch",
        "(00.006789) Error (criu/mount.c:2830): mnt: No mapping for /proc/sched_debug mountpoint",
    ),
    # criu#2672: CRIU 4.
    (
        "runtime-mismatch",
        "(00.064279) Error (criu/mount.c:3137): mnt: No mapping for 3730:(null) mountpoint",
    ),
    # podman#17496.
    (
        "cpu-feature",
        "Error (criu/arch/x86/cpu.c:247): cpu: FPU feature required by image is not supported on "
        "host",
    ),
    # podman#8421, criu#2523.
    (
        "no-such-container",
        'Error: no container with name or ID "looper2" found: no such container',
    ),
]

LINES = [*CHECKPOINT_LINES, *NODE_LINES, *RESTORE_LINES]
