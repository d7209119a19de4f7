"""What two archives hold, as a reading of them would have found it."""

from __future__ import annotations

from copy import deepcopy
from io import BytesIO
from typing import Any

from nodes.archives.keep import save_contents
from nodes.catalog.index import read_contents
from nodes.models import Archive, ArchiveSection, ContentsState
from tests.factories import make_archive
from tests.unit.archives import Checkpoint

MIB = 1024**2
_PROCESS = {
    "pgid": 1,
    "sid": 1,
    "root": "/",
    "working_directory": "/srv",
    "state": "alive",
    "uid": 0,
    "gid": 0,
    "environment": ["PATH", "SECRET"],
}
SECTIONS: dict[str, Any] = {
    "summary": {
        "container_id": "7657bdea19a4" + "0" * 52,
        "container_name": "webby",
        "image": "localhost/webby:latest",
        "image_id": "a3" * 32,
        "command": ["/bin/webby", "--listen", "8090"],
        "hostname": "webby",
        "runtime": "runc",
        "cgroup_manager": "cgroupfs",
        "labels": {"team": "a"},
        "created_at": "2026-11-25T02:00:00+00:00",
        "checkpointed_at": "2026-11-25T02:10:00+00:00",
        "processes": 2,
        "threads": 3,
        "memory_bytes": 64 * MIB,
        "archive_members": 40,
        "unpacked_bytes": 70 * MIB,
        "rootfs_bytes": 4096,
        "rootfs_changes": 3,
        "volumes_bytes": 2048,
        "notes": [],
    },
    "timings": [
        {"name": "freezing_time", "value": 153, "unit": "us"},
        {"name": "frozen_time", "value": 310_000, "unit": "us"},
        {"name": "pages_written", "value": 16384, "unit": "pages"},
    ],
    "processes": [
        {
            **_PROCESS,
            "pid": 1, "ppid": 0, "depth": 0, "name": "webby", "executable": "/bin/webby",
            "command": ["/bin/webby", "--listen", "8090"],
            "threads": [{"tid": 1, "name": "webby"}, {"tid": 9, "name": "worker"}],
        },
        {
            **_PROCESS,
            "pid": 7, "ppid": 1, "depth": 1, "name": "sh", "executable": "/bin/sh",
            "command": ["sh", "-c", "sleep 9"], "threads": [{"tid": 7, "name": "sh"}],
        },
    ],
    "memory": [
        {
            "pid": 1, "name": "webby", "mapped_bytes": 96 * MIB, "stored_bytes": 48 * MIB,
            "parts": [
                {"kind": "heap", "bytes": 32 * MIB}, {"kind": "anonymous", "bytes": 16 * MIB},
            ],
            "mappings": [
                {"start": 0x55D0, "end": 0x55D0 + 4096, "access": "r-xp", "kind": "code",
                 "path": "/bin/webby", "stored_bytes": 0},
                {"start": 0x7F00, "end": 0x7F00 + 8192, "access": "rw-p", "kind": "heap",
                 "path": "", "stored_bytes": 8192},
            ],
        },
    ],
    "files": [
        {
            "pid": 1, "name": "webby",
            "descriptors": [
                {"fd": 0, "kind": "file", "path": "/dev/null", "access": "r", "position": 0},
                {"fd": 3, "kind": "socket", "path": "tcp", "access": "rw", "position": 0},
                {"fd": 4, "kind": "file", "path": "/data/log", "access": "w", "position": 512},
            ],
        },
    ],
    "sockets": [
        {"pid": 1, "fd": 3, "family": "inet", "protocol": "tcp", "state": "listen",
         "local": "0.0.0.0:8090", "remote": ""},
        {"pid": 1, "fd": 5, "family": "inet", "protocol": "tcp", "state": "established",
         "local": "10.88.0.5:8090", "remote": "10.88.0.1:40312"},
    ],
    "mounts": [
        {"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid"]},
        {"destination": "/data", "type": "volume", "source": "webby-data", "options": ["rw"]},
    ],
    "volumes": [
        {"name": "webby-data", "destination": "/data", "stored": True, "files": 2, "bytes": 2048}
    ],
    "rootfs": {
        "entries": [
            {"path": "/new", "change": "written", "type": "file", "mode": 0o644,
             "size_bytes": 4000, "target": ""},
            {"path": "/var/lib/app/state", "change": "written", "type": "file", "mode": 0o600,
             "size_bytes": 96, "target": ""},
            {"path": "/etc/passwd", "change": "deleted", "type": "file", "mode": 0,
             "size_bytes": 0, "target": ""},
        ],
        "bytes": 4096,
        "left_out": 0,
    },
    "networks": {
        "mode": "bridge",
        "networks": [
            {"name": "podman", "static_ip": "", "static_mac": "", "interfaces": [
                {"name": "eth0", "mac": "8e:01", "addresses": ["10.88.0.5/16"],
                 "gateways": ["10.88.0.1"]},
            ]},
        ],
        "ports": [
            {"host_ip": "", "host_port": 8090, "container_port": 8090, "range": 1,
             "protocol": "tcp"},
        ],
    },
    "spec": {"ociVersion": "1.2.1", "process": {"env": ["SECRET=•••"], "cwd": "/srv"}},
    "config": {"name": "webby", "logDriver": "k8s-file", "newNetworks": {"podman": {}}},
    "log": {"text": "listening on 8090\nsaved <b>7</b>\n", "bytes": 33, "left_out_bytes": 0},
    "privileges": [],
}  # fmt: skip


def contents(**changes: Any) -> dict[str, Any]:
    """Return the sections of one archive, some of them changed."""
    return {**deepcopy(SECTIONS), **changes}


def give_contents(archive: Archive, **changes: Any) -> Archive:
    """Note for the archive what a reading of it would have found."""
    for name, data in contents(**changes).items():
        ArchiveSection.objects.create(archive=archive, name=name, data=data)
    archive.contents_state = ContentsState.READ
    archive.save()
    return archive


def make_real_archive(checkpoint: Checkpoint | None = None, **values: Any) -> Archive:
    """Make an archive whose file is one, and has been read."""
    content = (checkpoint or Checkpoint()).pack()
    archive = make_archive(content=content, **values)
    save_contents(archive, read_contents(BytesIO(content)))
    return archive
