"""Write small checkpoint archives, member by member as Podman 5.8 exports them."""

from __future__ import annotations

import gzip
import io
import json
import sys
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.unit.criu_images import Program, checkpoint_images, stats_dump

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

CONTAINER_ID = "00d9cee520e2086f26fc7ef1658f5abda94bd9a1d5c01d6255cf225b931a1496"
IMAGE_ID = "b6f24680038efad947063bb7c81aeb95c2b52c7ea9c0ce692eb9edd43e91d1e7"
USERDATA = f"/var/lib/containers/storage/overlay-containers/{CONTAINER_ID}/userdata"
# Of many more: what Podman hides from every container, and lets it only read.
MASKED = ["/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/scsi", "/sys/firmware"]
READ_ONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
CAPABILITIES = ["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_KILL", "CAP_NET_BIND_SERVICE", "CAP_SETUID"]
LOG = (
    "2026-03-01T08:00:01.011620342+00:00 stdout F counter=1\n"
    "2026-03-01T08:00:02.109616817+00:00 stderr F counter=2\n"
)


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A container and what its archive holds; ``config``, ``spec`` and ``members`` go on top.

    A member that is None is left out.
    """

    name: str = "counter"
    image: str = "localhost/ferry-counter:latest"
    programs: Sequence[Program] = (Program(),)
    environment: Sequence[str] = ("PATH=/bin", "SECRET=hunter2")
    labels: Mapping[str, str] = field(default_factory=dict)
    ports: Mapping[int, int] = field(default_factory=lambda: {8081: 8080})
    address: str = "10.88.0.5/16"
    # Contents by path, relative as in the tar.
    written: Mapping[str, bytes] = field(default_factory=dict)
    deleted: Sequence[str] = ()
    volumes: Mapping[str, Mapping[str, bytes]] = field(default_factory=dict)
    log: str = LOG
    config: Mapping[str, Any] = field(default_factory=dict)
    spec: Mapping[str, Any] = field(default_factory=dict)
    members: Mapping[str, bytes | None] = field(default_factory=dict)

    def pack(self, compression: str = "zstd") -> bytes:
        """Return the archive as Podman compresses it: zstd, gzip or none."""
        plain = tar(self.all_members())
        if compression == "zstd":
            return zstd.compress(plain)
        return gzip.compress(plain, mtime=0) if compression == "gzip" else plain

    def all_members(self) -> dict[str, bytes]:
        """Return every member by name, in Podman's order."""
        found: dict[str, bytes | None] = {
            "devshm-checkpoint.tar": tar({}),
            "config.dump": json.dumps(self._config()).encode(),
            "spec.dump": json.dumps(self._spec()).encode(),
            "network.status": json.dumps(self._network_status()).encode(),
            "stats-dump": stats_dump(),
            "ctr.log": self.log.encode(),
        }
        images = checkpoint_images(self.programs, host_name=CONTAINER_ID[:12])
        found |= {f"checkpoint/{name}": data for name, data in images.items()}
        found["checkpoint/descriptors.json"] = b'["/dev/null","pipe:[70]","pipe:[71]"]'
        if self.written:
            found["rootfs-diff.tar"] = tar(self.written)
        if self.deleted:
            found["deleted.files"] = json.dumps(list(self.deleted)).encode()
        found |= {f"volumes/{name}.tar": tar(files) for name, files in self.volumes.items()}
        return {name: data for name, data in (found | self.members).items() if data is not None}

    def _config(self) -> dict[str, Any]:
        options = [option for pair in self.environment for option in ("--env", pair)]
        return {
            "spec": self._spec(),
            "id": CONTAINER_ID,
            "name": self.name,
            "CreateCommand": ["podman", "run", "--detach", *options, self.image, "counter", "64"],
            "rootfsImageID": IMAGE_ID,
            "rootfsImageName": self.image,
            "namedVolumes": [
                {"volumeName": name, "dest": f"/volumes/{name}", "options": ["rbind"]}
                for name in self.volumes
            ]
            or None,
            "privileged": False,
            "newPortMappings": [
                {
                    "host_ip": "",
                    "container_port": inside,
                    "host_port": outside,
                    "range": 1,
                    "protocol": "tcp",
                }
                for outside, inside in self.ports.items()
            ]
            or None,
            "newNetworks": {"podman": {"interface_name": "eth0"}},
            "networkMode": "bridge",
            "labels": dict(self.labels) or None,
            "command": ["counter", "64"],
            "createdTime": "2026-03-01T08:00:00.847857988Z",
            "cgroupManager": "cgroupfs",
            "logPath": f"{USERDATA}/ctr.log",
            "logDriver": "k8s-file",
            "runtime": "runc",
            **self.config,
        }

    def _spec(self) -> dict[str, Any]:
        sets = ("bounding", "effective", "permitted")
        return {
            "ociVersion": "1.2.1",
            "process": {
                "user": {"uid": 0, "gid": 0},
                "args": ["counter", "64"],
                "env": list(self.environment),
                "cwd": "/",
                "capabilities": {name: CAPABILITIES for name in sets},
            },
            "root": {"path": "/var/lib/containers/storage/overlay/d66c5b29/merged"},
            "hostname": CONTAINER_ID[:12],
            "mounts": [
                {"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid"]},
                *(_volume_mount(name) for name in self.volumes),
                _bind("/etc/hosts", f"{USERDATA}/hosts"),
            ],
            "annotations": {"io.container.manager": "libpod"},
            "linux": {
                "resources": {"devices": [{"allow": False, "access": "rwm"}]},
                "namespaces": [
                    {"type": name} for name in ("pid", "network", "ipc", "uts", "mount", "cgroup")
                ],
                "seccomp": {"defaultAction": "SCMP_ACT_ERRNO"},
                "maskedPaths": MASKED,
                "readonlyPaths": READ_ONLY,
            },
            **self.spec,
        }

    def _network_status(self) -> dict[str, Any]:
        subnet = {"ipnet": self.address, "gateway": "10.88.0.1"}
        interface = {"subnets": [subnet], "mac_address": "6a:f8:a7:3c:78:34"}
        return {"podman": {"interfaces": {"eth0": interface}}}


def tar(files: Mapping[str, bytes]) -> bytes:
    """Return a tar archive as Go writes one: plain headers, folders before what is in them."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
        folders: set[str] = set()
        for name, data in files.items():
            folder = name.rpartition("/")[0]
            if folder and folder not in folders:
                folders.add(folder)
                header = tarfile.TarInfo(folder)
                header.type, header.mode = tarfile.DIRTYPE, 0o700
                archive.addfile(header)
            header = tarfile.TarInfo(name)
            header.size, header.mode = len(data), 0o644
            archive.addfile(header, io.BytesIO(data))
    return packed.getvalue()


def _volume_mount(name: str) -> dict[str, Any]:
    return _bind(f"/volumes/{name}", f"/var/lib/containers/storage/volumes/{name}/_data")


def _bind(destination: str, source: str) -> dict[str, Any]:
    options = ["bind", "rprivate"]
    return {"destination": destination, "type": "bind", "source": source, "options": options}
