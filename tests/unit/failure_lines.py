"""What Podman, CRIU and OCI runtimes write when something fails, by the rule that knows it."""

from __future__ import annotations

# Most are of the lab: Podman 5.8.6, CRIU 4.2.1, runc 1.3.6.
LINES = [
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
    (
        "kernel-newer-than-criu",
        "(00.029411) Error (criu/sockets.c:570): sockets: Can't get 1:16 opt: Operation not "
        "supported",
    ),
    (
        "image-unknown",
        "Error: unable to copy from source docker://localhost/ferry-counter:latest: initializing "
        "source docker://localhost/ferry-counter:latest: pinging container registry localhost: "
        'Get "https://localhost/v2/": dial tcp [::1]:443: connect: connection refused',
    ),
    (
        "image-unknown",
        "Error: locating image with ID 289e21743143: 289e21743143: image not known",
    ),
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
    ("no-space", "Error: write /var/lib/ferry/7/archive: no space left on device"),
    (
        "no-space",
        "dd: error writing '/var/lib/ferry/7/archive': No space left on device",
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
    (
        "static-ip",
        "Error: requested static ip 10.77.0.9 not in any subnet on network grove-net",
    ),
    (
        "runtime-without-checkpoint",
        "could not load `libcriu.so.2`: `libcriu.so.2: cannot open shared object file: No such "
        "file or directory`",
    ),
    (
        "criu-missing",
        'Error: failed to check for criu version: exec: "criu": executable file not found in $PATH',
    ),
    (
        "network-lock",
        '127:Error (criu/util.c:642): execvp("iptables-restore", ...) failed: No such file or '
        "directory",
    ),
]
