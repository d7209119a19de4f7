"""Read what an archive holds, in one pass from its first byte to its last.

Nothing of it is written to disk and little is kept: see index_budget.py. It blocks, so run it in
a thread.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, BinaryIO, Final

from nodes.catalog.contents import ContainerLog, Contents, Summary, Timing
from nodes.catalog.errors import ArchiveUnreadable
from nodes.catalog.index_budget import Budget
from nodes.catalog.index_command import CommandLine, read_command_line
from nodes.catalog.index_container import mounts_of, networks_of, volumes_of
from nodes.catalog.index_document import Document, parse_document, parse_texts, tidy
from nodes.catalog.index_images import Images
from nodes.catalog.index_links import Links
from nodes.catalog.index_log import read_log
from nodes.catalog.index_memory import memory_of
from nodes.catalog.index_open_files import files_of
from nodes.catalog.index_processes import processes_of
from nodes.catalog.index_rootfs import RootfsChanges, StoredVolume
from nodes.catalog.index_secrets import without_values
from nodes.catalog.members import Limits, Member, read_members
from nodes.podman.privilege import Privilege
from nodes.podman.privileges import privileges_of

_DOCUMENTS: Final = ("config.dump", "spec.dump", "network.status")
# A real one has some 25 KiB, but labels and annotations may be long.
_DOCUMENT_BYTES: Final = 2 * 1024 * 1024
_DELETED_BYTES: Final = 8 * 1024 * 1024
_PAGES: Final = re.compile(r"checkpoint/pages-(0|[1-9][0-9]{0,9})\.img", re.ASCII)
# More than so many privileges are refused anyway.
_MOST_FOUND: Final = 1000
_VOLUME: Final = re.compile(r"volumes/([^/]+)\.tar")


def read_contents(source: BinaryIO, limits: Limits | None = None) -> Contents:
    """Return every section of an archive's contents.

    Raises ArchiveUnreadable for what is not a whole checkpoint archive, and what the source
    itself raises. A part of it that cannot be read is a note in the summary.
    """
    index = _Index()
    for member in read_members(source, limits or Limits()):
        index.take(member)
    return index.contents()


class _Index:
    """Takes member after member, and makes the sections of what it has seen."""

    def __init__(self) -> None:
        self.budget = Budget()
        self.images = Images(self.budget)
        self.rootfs = RootfsChanges(self.budget)
        self.documents: dict[str, Document] = {}
        self.volumes: dict[str, StoredVolume] = {}
        self.found: list[Privilege] = []
        self.commands: dict[int, CommandLine] = {}
        self.log = ContainerLog(text="", bytes=0, left_out_bytes=0)
        self.members = 0
        self.unpacked_bytes = 0
        self.memory_bytes = 0

    def take(self, member: Member) -> None:
        self.members += 1
        self.unpacked_bytes += member.size_bytes
        name = member.name
        if member.type != "file":
            return
        if name in _DOCUMENTS:
            self.documents[name] = parse_document(name, member.read_all(_DOCUMENT_BYTES))
        elif found := _PAGES.fullmatch(name):
            self.memory_bytes += member.size_bytes
            self._take_pages(int(found[1]), member)
        elif name == "rootfs-diff.tar":
            self.rootfs.read_written(member.members())
        elif name == "deleted.files":
            self.rootfs.read_deleted(parse_texts(name, member.read_all(_DELETED_BYTES)))
        elif name == "ctr.log":
            self.log = read_log(member.read)
        elif found := _VOLUME.fullmatch(name):
            volume = self._take_unpacked(f"The volume {found[1]}", member)
            if self.budget.take("volumes"):
                self.volumes[found[1]] = volume
        elif name == "devshm-checkpoint.tar" and member.size_bytes:
            self._take_unpacked("The shared memory", member)
        else:
            self.images.take(name, member.read)

    def _take_unpacked(self, called: str, member: Member) -> StoredVolume:
        """Read a tar that Podman unpacks to a folder of the node."""
        links = Links(called)
        read = StoredVolume.read(member.members(), links)
        if len(self.found) < _MOST_FOUND:
            self.found += links.privileges()
        return read

    def _take_pages(self, pages_id: int, member: Member) -> None:
        pid = self.images.pids_by_pages.get(pages_id, 0)
        space, pagemap = self.images.spaces.get(pid), self.images.pagemaps.get(pid)
        if space is not None and pagemap is not None:
            self.commands[pid] = read_command_line(
                member.read, member.skip, space, pagemap, self.budget
            )

    def contents(self) -> Contents:
        config, spec = self._required("config.dump"), self._required("spec.dump")
        if not self.images.has_inventory:
            raise ArchiveUnreadable("There is no checkpoint/inventory.img in it.")
        process = spec.part("process")
        command, environment = process.texts("args"), process.texts("env")
        files, sockets = files_of(self.images)
        status = self.documents.get("network.status") or Document("network.status", {})
        shown = {key: value for key, value in config.values.items() if key != "spec"}
        sections: dict[str, Any] = {
            "timings": [
                Timing(name=name, value=value, unit=unit)
                for name, value, unit in self.images.timings
            ],
            "processes": processes_of(self.images, self.commands, command),
            "memory": memory_of(self.images),
            "files": files,
            "sockets": sockets,
            "mounts": mounts_of(config, spec),
            "volumes": volumes_of(config, self.volumes),
            "rootfs": self.rootfs.section(),
            "networks": networks_of(config, status),
            "spec": without_values(spec.values, environment),
            "config": without_values(shown, environment),
            "log": self.log,
            "privileges": privileges_of(
                spec.values,
                config.values,
                self.images.restored,
                [*self.rootfs.links.privileges(), *self.found],
            ),
        }
        sections["summary"] = self._summary(config, spec, command)
        log_text = self.log["text"]
        tidy(sections)
        self.log["text"] = log_text.replace("\0", "�")
        return Contents(sections=sections, unpacked_bytes=self.unpacked_bytes)

    def _required(self, name: str) -> Document:
        document = self.documents.get(name)
        if document is None or not document.values:
            raise ArchiveUnreadable(f"There is no {name} in it, which every checkpoint has.")
        return document

    def _summary(self, config: Document, spec: Document, command: list[str]) -> Summary:
        return Summary(
            container_id=config.text("id"),
            container_name=config.text("name"),
            image=config.text("rootfsImageName"),
            image_id=config.text("rootfsImageID"),
            command=command,
            hostname=self.images.host_name or spec.text("hostname"),
            runtime=config.text("runtime"),
            cgroup_manager=config.text("cgroupManager"),
            labels=config.mapping("labels"),
            created_at=_time(config.text("createdTime")),
            # CRI-O's archives have it, Podman's have not.
            checkpointed_at=_time(config.text("checkpointedTime")),
            processes=len(self.images.tree),
            threads=sum(len(entry.threads) for entry in self.images.tree),
            memory_bytes=self.memory_bytes,
            archive_members=self.members,
            unpacked_bytes=self.unpacked_bytes,
            rootfs_bytes=self.rootfs.bytes,
            rootfs_changes=self.rootfs.seen,
            volumes_bytes=sum(volume.bytes for volume in self.volumes.values()),
            notes=self.budget.notes(),
        )


def _time(text: str) -> str:
    try:
        return datetime.fromisoformat(text).isoformat() if text else ""
    except ValueError:
        return ""
