"""A site and two hosts to strike, and the containers that go back and forth between them."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.faults import gates, host_disk
from tests.lab import Host, Lab, wait_until_it_counts
from tests.scale.site import ManyProcesses
from tests.serving import ServedSite, add_nodes

NAMES = ["alder", "birch"]
CATALOG_MIB = 400
# Short, so that what is for good is soon known to be.
SETTINGS = {
    "FERRY_WATCH_WINDOW_S": "0.5",
    "FERRY_ASK_FOR_S": "6",
    "FERRY_LOST_FOR_S": "4",
    # Longer than a phase is held.
    "FERRY_PHASE_LIMITS_S": "restore=40",
}
_WIPE = """
rm -rf /run/ferry-gates /var/faults-filler
podman rm --all --force --time 0 >/dev/null
podman volume rm --all --force >/dev/null
rm -rf /var/lib/ferry
"""
_START_S = 30.0


@dataclass
class Ground:
    """``containers`` are by name: the ID, which a migration keeps."""

    hosts: dict[str, Host]
    site: ServedSite
    api: httpx.Client
    # The site in many processes, where workers run the operations.
    many: ManyProcesses | None = None
    containers: dict[str, str] = field(default_factory=dict)

    def start_container(self, name: str, host: Host, *, memory_mib: int, port: int) -> None:
        """Start a counter with a volume and a published port."""
        self.containers[name] = host.start_workload(
            "counter", name=name, memory_mib=memory_mib, tick_ms=20, port=port
        )
        wait_until_it_counts(host, name)

    def other(self, host: Host) -> Host:
        return next(each for each in self.hosts.values() if each.name != host.name)

    def refresh(self, host: Host) -> None:
        """Have the site look at a node now, as soon as it reaches it again."""
        deadline = time.monotonic() + _START_S
        listed = self.api.get("/nodes").raise_for_status().json()
        (node_id,) = (node["id"] for node in listed if node["name"] == host.name)
        while True:
            asked = self.api.get(f"/nodes/{node_id}/containers", params={"refresh": True})
            if asked.status_code == 200:
                return
            assert time.monotonic() < deadline, asked.text
            time.sleep(0.3)

    def start_migration(self, name: str, source: Host, destination: Host) -> int:
        """Queue a migration and return the operation's id."""
        self.refresh(source)
        wanted = {
            "kind": "migrate",
            "source": source.name,
            "destination": destination.name,
            "container": name,
        }
        answer = self.api.post("/operations", json=wanted)
        assert answer.status_code == 202, answer.text
        return int(answer.json()["id"])

    def operation(self, operation_id: int) -> dict[str, Any]:
        answer: dict[str, Any] = (
            self.api.get(f"/operations/{operation_id}").raise_for_status().json()
        )
        return answer

    def events(self, operation_id: int) -> list[str]:
        listed = self.api.get(f"/operations/{operation_id}/events").raise_for_status().json()
        return [f"{event['phase']} {event['level']}: {event['message']}" for event in listed]

    def wait_for_end(self, operation_id: int, *, timeout_s: float = 150) -> dict[str, Any]:
        """Return the operation once it runs no more."""
        deadline = time.monotonic() + timeout_s
        while True:
            operation = self.operation(operation_id)
            if operation["state"] not in ("queued", "running"):
                return operation
            assert time.monotonic() < deadline, f"it did not end within {timeout_s} s: {operation}"
            time.sleep(0.1)

    def drop_archives(self) -> None:
        """Delete what the catalog holds, as a person would."""
        for archive in self.api.get("/archives").raise_for_status().json()["items"]:
            self.api.delete(f"/archives/{archive['id']}").raise_for_status()

    def wipe_hosts(self) -> None:
        """Take everything away from the hosts but their images, whatever state they are in."""
        for host in self.hosts.values():
            host.start()
            host.mend()
            host.unshape()
            host.run(["sh", "-c", _WIPE])
        self.containers.clear()

    def versions(self) -> str:
        """Return what runs on the hosts, in a line."""
        host = next(iter(self.hosts.values()))
        asked = "podman --version; criu --version; runc --version | head -n 1; uname -r"
        podman, criu, runc, kernel = host.run(["sh", "-c", asked]).stdout.splitlines()[:4]
        numbers = [podman.split()[-1], criu.split()[-1], runc.split()[-1], kernel.split("-")[0]]
        return "Podman {}, CRIU {}, runc {}, kernel {}".format(*numbers)

    def settle(self) -> None:
        """Wait for everything that is under way."""
        for operation in self.api.get("/operations").raise_for_status().json()["items"]:
            if operation["state"] in ("queued", "running"):
                self.wait_for_end(operation["id"])

    def set_right(self) -> None:
        """After something went wrong: hosts and site as if nothing had been."""
        if self.site.process is None or self.site.process.poll() is not None:
            self.site.process = None
            self.site.start()
        if self.many is not None:
            self.many.start_what_ended()
        self.wipe_hosts()
        for operation in self.api.get("/operations").raise_for_status().json()["items"]:
            if operation["state"] == "unknown":
                closed = {"way": "settled", "assured": True}
                self.api.post(f"/operations/{operation['id']}/way-back", json=closed)
        self.settle()
        self.wipe_hosts()
        self.drop_archives()
        for path in (self.site.data_dir / "archives").rglob("*"):
            if path.is_file():
                path.unlink()


@contextmanager
def open_ground(instance: str, folder: Path) -> Iterator[Ground]:
    """Make hosts and a site in one process, and leave nothing of them."""
    with struck_hosts(instance) as hosts, catalog_disk(folder) as data_dir:
        site = ServedSite(data_dir, environment=SETTINGS)
        try:
            site.start()
            with site.api() as api:
                add_nodes(api, *hosts.values())
                yield Ground(hosts=hosts, site=site, api=api)
        finally:
            site.stop()


@contextmanager
def struck_hosts(instance: str) -> Iterator[dict[str, Host]]:
    """Make hosts with small disks, and programs that can be held; leave nothing of them."""
    lab = Lab(instance)
    _forget(lab)
    try:
        with host_disk.small_disks(instance, NAMES):
            try:
                hosts = lab.up(NAMES)
                for host in hosts.values():
                    gates.install(host)
                    for image in ("counter", "busybox"):
                        host.load_image(image)
                yield hosts
            finally:
                lab.down()
    finally:
        lab.down(wipe=True)


@contextmanager
def catalog_disk(folder: Path) -> Iterator[Path]:
    """Give a data folder whose archives are on a small disk."""
    shutil.rmtree(folder, ignore_errors=True)
    archives = folder / "data" / "archives"
    host_disk.mount(archives, CATALOG_MIB)
    try:
        yield folder / "data"
    finally:
        host_disk.unmount(archives)


def _forget(lab: Lab) -> None:
    """Remove what a run that was killed has left."""
    lab.down()
    for name in NAMES:
        host_disk.unmount(lab.folder / "hosts" / name)
    lab.down(wipe=True)
