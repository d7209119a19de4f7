"""What Podman 5.8 writes about a container that was run without any option, shortened."""

from __future__ import annotations

from typing import Any

from nodes.podman.privileges import privileges_of

CONTAINER_ID = "00d9cee520e2086f26fc7ef1658f5abda94bd9a1d5c01d6255cf225b931a1496"
STORAGE = "/var/lib/containers/storage"
USERDATA = f"{STORAGE}/overlay-containers/{CONTAINER_ID}/userdata"
RUN_USERDATA = f"/run/containers/storage/overlay-containers/{CONTAINER_ID}/userdata"
CAPABILITIES = [
    f"CAP_{name}"
    for name in (
        *("CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "NET_BIND_SERVICE", "SETFCAP"),
        *("SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"),
    )
]


def plain_spec() -> dict[str, Any]:
    return {
        "ociVersion": "1.2.1",
        "process": {
            "user": {"uid": 0, "gid": 0, "umask": 18},
            "args": ["counter", "64"],
            "env": ["PATH=/bin", "container=podman"],
            "cwd": "/",
            "capabilities": {name: CAPABILITIES for name in ("bounding", "effective", "permitted")},
            "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 20000, "soft": 20000}],
        },
        "root": {"path": f"{STORAGE}/overlay/d66c5b29f618c9df98bc7497fb3884ed/merged"},
        "hostname": "00d9cee520e2",
        "mounts": [
            _mount("/proc", "proc", "proc", "nosuid", "noexec", "nodev"),
            _mount("/dev", "tmpfs", "tmpfs", "nosuid", "mode=755", "size=65536k"),
            _mount("/sys", "sysfs", "sysfs", "nosuid", "noexec", "nodev", "ro"),
            _mount("/data", "bind", f"{STORAGE}/volumes/counter-data/_data", "rprivate", "rbind"),
            _mount("/dev/pts", "devpts", "devpts", "nosuid", "newinstance"),
            _mount("/dev/mqueue", "mqueue", "mqueue", "nosuid"),
            _mount("/etc/resolv.conf", "bind", f"{RUN_USERDATA}/resolv.conf", "bind", "rprivate"),
            _mount("/etc/hosts", "bind", f"{RUN_USERDATA}/hosts", "bind", "rprivate"),
            _mount("/dev/shm", "bind", f"{USERDATA}/shm", "bind", "rprivate", "nosuid"),
            _mount("/run/.containerenv", "bind", f"{RUN_USERDATA}/.containerenv", "bind"),
            _mount("/sys/fs/cgroup", "cgroup", "cgroup", "rprivate", "relatime", "ro"),
        ],
        "annotations": {
            "io.container.manager": "libpod",
            "org.opencontainers.image.stopSignal": "15",
            "org.systemd.property.KillSignal": "15",
            "org.systemd.property.TimeoutStopUSec": "uint64 10000000",
        },
        "linux": {
            "sysctl": {"net.ipv4.ping_group_range": "0 0"},
            "resources": {"devices": [{"allow": False, "access": "rwm"}]},
            "cgroupsPath": f"/libpod_parent/libpod-{CONTAINER_ID}",
            "namespaces": [
                {"type": "pid"},
                {
                    "type": "network",
                    "path": "/run/netns/netns-2f4d4ca4-0505-568c-f807-caf4a91e677e",
                },
                *({"type": name} for name in ("ipc", "uts", "mount", "cgroup")),
            ],
            "seccomp": {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38},
            "maskedPaths": [
                *("/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/scsi"),
                *("/proc/timer_list", "/sys/firmware", "/sys/fs/selinux"),
            ],
            "readonlyPaths": [
                *("/proc/asound", "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys"),
                "/proc/sysrq-trigger",
            ],
        },
    }


def plain_config() -> dict[str, Any]:
    return {
        "spec": plain_spec(),
        "id": CONTAINER_ID,
        "name": "counter",
        "lockID": 0,
        "CreateCommand": ["podman", "run", "--volume", "counter-data:/data", "counter"],
        "RawImageName": "localhost/ferry-counter:latest",
        "idMappingsOptions": {
            "HostUIDMapping": True,
            "UIDMap": None,
            "AutoUserNsOpts": {"Size": 0},
        },
        "Dependencies": None,
        "rootfsImageID": "b6f24680038efad947063bb7c81aeb95c2b52c7ea9c0ce692eb9edd43e91d1e7",
        "rootfsImageName": "localhost/ferry-counter:latest",
        "ShmDir": f"{USERDATA}/shm",
        "staticDir": USERDATA,
        "mounts": [f"{USERDATA}/shm"],
        "namedVolumes": [{"volumeName": "counter-data", "dest": "/data", "options": ["rbind"]}],
        "secretsPath": f"{USERDATA}/secrets",
        "storageOpts": None,
        "privileged": False,
        "labelopts": ["disable"],
        "newPortMappings": [{"host_ip": "", "container_port": 8080, "host_port": 8081}],
        "newNetworks": {"podman": {"interface_name": "eth0"}},
        "networkMode": "bridge",
        "userVolumes": ["/data"],
        "command": ["/bin/counter", "64"],
        "createdTime": "2026-03-01T08:00:00.847857988Z",
        "cgroupParent": "/libpod_parent",
        "logPath": f"{USERDATA}/ctr.log",
        "logDriver": "k8s-file",
        "conmonPidFile": f"{RUN_USERDATA}/conmon.pid",
        "pid_file": f"{RUN_USERDATA}/pidfile",
        "runtime": "runc",
        "healthcheck": None,
        "healthLogDestination": "local",
        "umask": "0022",
    }


def _mount(destination: str, type_: str, source: str, *options: str) -> dict[str, Any]:
    return {
        "destination": destination,
        "type": type_,
        "source": source,
        "options": list(options),
    }


def set_in(document: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Put a value to a path such as linux.seccomp; None takes it away."""
    *parents, last = path.split(".") if not path.startswith("annotations.") else path.split(".", 1)
    part = document
    for parent in parents:
        part = part.setdefault(parent, {})
    part.pop(last, None)
    if value is not None:
        part[last] = value
    return document


def with_spec(path: str, value: Any) -> list[tuple[str, str, str]]:
    """Return kind, what and risk for a container whose specification differs in one place."""
    return told(set_in(plain_spec(), path, value), plain_config())


def told(spec: Any, config: Any) -> list[tuple[str, str, str]]:
    return [(one["kind"], one["what"], one["risk"]) for one in privileges_of(spec, config)]
