"""Container images without a registry: written as archives, loaded by Podman.

An image's ID is the hash of its content, so all hosts of a machine that are given
an image know it by the same ID.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.lab.command import run_command
from tests.lab.errors import LabError
from tests.lab.places import SOURCE_FOLDER, cache_folder, locked
from tests.lab.rootfs import ensure_rootfs

if TYPE_CHECKING:
    from tests.lab.host import Host

# The programs of our own that each image holds next to busybox.
PROGRAMS = {
    "busybox": (),
    "counter": ("counter",),
    "holder": ("holder",),
    "echoer": ("echoer",),
}
FOLDERS = ("bin", "data", "etc", "tmp", "www")
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
EPOCH = "1970-01-01T00:00:00Z"


def reference(name: str) -> str:
    """Return what the image is called in a host's store."""
    if name not in PROGRAMS:
        raise LabError(f"no image is called {name!r}: choose from {', '.join(PROGRAMS)}")
    return f"localhost/ferry-{name}:latest"


def load(host: Host, name: str) -> str:
    """Bring an image into the host's store, once, and return its ID."""
    archive = ensure_archive(name)
    image_id = _image_id(archive)
    # By its name as well as its content: an older recipe's image, loaded since, has the name now.
    named = ["podman", "image", "inspect", "--format", "{{.Id}}", reference(name)]
    if host.run(named, check=False).stdout.strip() != image_id:
        inside = f"/run/ferry-lab-{name}.tar"
        shutil.copyfile(archive, host.path(inside))
        host.run(["podman", "load", "--quiet", "--input", inside])
        host.path(inside).unlink()
    return image_id


def remove(host: Host, name: str) -> None:
    """Remove an image from the host's store; LabError if a container uses it."""
    host.run(["podman", "image", "rm", "--ignore", reference(name)])


def ensure_archive(name: str) -> Path:
    """Return the image's archive, building it if it is not in the cache."""
    archive_name = reference(name)
    folder = cache_folder() / "images"
    sources = [SOURCE_FOLDER / "workloads" / f"{program}.c" for program in PROGRAMS[name]]
    rootfs = ensure_rootfs()
    digest = hashlib.sha256(Path(__file__).read_bytes() + rootfs.name.encode())
    for source in sources:
        digest.update(source.read_bytes())
    archive = folder / f"{name}-{digest.hexdigest()[:12]}.tar"
    with locked(folder / "lock"):
        if not archive.exists():
            binaries = [_compile(source, folder) for source in sources]
            temporary = archive.with_suffix(".building")
            _write_archive(temporary, archive_name, _layer(rootfs / "bin/busybox", binaries))
            temporary.rename(archive)
    return archive


def _compile(source: Path, folder: Path) -> Path:
    binary = folder / source.stem
    run_command(["gcc", "-static", "-O2", "-Wall", "-o", str(binary), str(source)])
    return binary


def _layer(busybox: Path, binaries: list[Path]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for folder in FOLDERS:
            _add(tar, folder, kind=tarfile.DIRTYPE, mode=0o755)
        for binary in (busybox, *binaries):
            _add(tar, f"bin/{binary.name}", content=binary.read_bytes(), mode=0o755)
        for applet in run_command([str(busybox), "--list"]).stdout.split():
            if applet != "busybox":
                _add(tar, f"bin/{applet}", kind=tarfile.SYMTYPE, target="busybox", mode=0o777)
    return buffer.getvalue()


def _write_archive(path: Path, name: str, layer: bytes) -> None:
    """Write the archive as `docker save` does, which `podman load` reads."""
    diff_id = hashlib.sha256(layer).hexdigest()
    config = {
        "architecture": ARCHITECTURES[os.uname().machine],
        "os": "linux",
        "created": EPOCH,
        "config": {"Cmd": ["/bin/sh"], "Env": ["PATH=/bin"], "WorkingDir": "/"},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{diff_id}"]},
        "history": [{"created": EPOCH, "created_by": "ferry lab"}],
    }
    config_bytes = json.dumps(config, sort_keys=True).encode()
    config_name = f"{hashlib.sha256(config_bytes).hexdigest()}.json"
    layer_name = f"{diff_id}.tar"
    manifest = [{"Config": config_name, "RepoTags": [name], "Layers": [layer_name]}]
    with tarfile.open(path, mode="w") as tar:
        _add(tar, "manifest.json", content=json.dumps(manifest).encode())
        _add(tar, config_name, content=config_bytes)
        _add(tar, layer_name, content=layer)


def _image_id(archive: Path) -> str:
    with tarfile.open(archive) as tar:
        manifest = tar.extractfile("manifest.json")
        assert manifest is not None
        config: str = json.load(manifest)[0]["Config"]
    return config.removesuffix(".json")


def _add(
    tar: tarfile.TarFile,
    name: str,
    *,
    content: bytes = b"",
    kind: bytes = tarfile.REGTYPE,
    target: str = "",
    mode: int = 0o644,
) -> None:
    member = tarfile.TarInfo(name)
    member.type, member.linkname, member.mode, member.size = kind, target, mode, len(content)
    tar.addfile(member, io.BytesIO(content))
