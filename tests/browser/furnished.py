"""A site on which everything has happened at least once: each page has something to show."""

from __future__ import annotations

import time
from typing import Any

import httpx

from nodes.host.probe import CONTAINERS_CONF
from tests.browser.signed_in import SignedInSite
from tests.lab import Host
from tests.serving import ServedSite, wait_for_operation

BATCH_S = 120.0
# No page is there.
NOWHERE = "/nowhere/"
_TAGS = {"alder": ["berlin", "edge"], "birch": ["berlin"]}
# What an administrator might have written.
_UNDER_SYSTEMD = r"""
printf '# Our own.\n[engine]\ncgroup_manager = "systemd"\nnum_locks = 2048\n' > "$1"
"""


def furnish(served: ServedSite, hosts: dict[str, Host]) -> dict[str, str]:
    """Let something happen on the site, and return the address of each page."""
    alder, birch, cedar = hosts["alder"], hosts["birch"], hosts["cedar"]
    alder.start_workload("counter", name="counter", port=8081)
    alder.start_workload("web", name="web", port=8080)
    birch.start_workload("tree", name="batch")
    cedar.start_workload("sleep", name="napper")
    site = SignedInSite.with_nodes(served, list(hosts.values()))
    with served.api() as api:
        for name, tags in _TAGS.items():
            api.patch(f"/nodes/{site.node_ids[name]}", json={"tags": tags}).raise_for_status()
        moved = migrate(api, "counter", "alder", "birch")
        assert moved["state"] == "succeeded", moved
        alder.start_workload("tcp", name="session-store")
        failed = migrate(api, "session-store", "alder", "birch")
        assert failed["state"] == "failed", failed
        tested = start(api, kind="selftest", node="birch")
        assert tested["state"] == "succeeded", tested
        hosts["alder"].run(["sh", "-c", _UNDER_SYSTEMD, "sh", CONTAINERS_CONF])
        prepared = start(api, kind="prepare", node="alder")
        assert prepared["state"] == "succeeded", prepared
        evacuated = evacuate(api, cedar)
        catalog = fill_catalog(api, alder, birch)
        cedar.cut()
        cedar_id = site.node_ids["cedar"]
        api.post(f"/nodes/{cedar_id}/readiness")
        container = f"/nodes/{site.node_ids['birch']}/containers/{moved['container_podman_id']}/"
    return {
        "fleet": "/",
        "fleet-table": "/?view=table",
        "fleet-filtered": "/?q=counter",
        "search": "/search/?q=counter",
        "containers": "/containers/",
        "container": container,
        "migrate": f"{container}migrate/",
        "stop": f"{container}actions/stop/",
        "rename": f"{container}actions/rename/",
        "remove": f"{container}actions/remove/",
        "inspect": f"{container}inspect/",
        "container-log": f"{container}log/",
        "node": f"/nodes/{site.node_ids['birch']}/",
        "node-unreachable": f"/nodes/{cedar_id}/",
        "node-bare": f"/nodes/{site.node_ids['fir']}/",
        "node-prepared": f"/nodes/{site.node_ids['alder']}/",
        "prepare": f"/nodes/{site.node_ids['fir']}/prepare/",
        "operation-prepare": f"/operations/{prepared['id']}/",
        "operation-selftest": f"/operations/{tested['id']}/",
        "add-node": "/nodes/add/",
        "operations": "/operations/",
        "operation": f"/operations/{moved['id']}/",
        "operation-failed": f"/operations/{failed['id']}/",
        "evacuate": f"/nodes/{site.node_ids['birch']}/evacuate/",
        "batch": f"/batches/{evacuated['id']}/",
        "batch-bring-back": f"/batches/{evacuated['id']}/bring-back/",
        "batches": "/batches/",
        **catalog,
        "checkpoint": f"{container}checkpoint/",
        "account": "/account/",
        "audit": "/audit/",
        "not-found": NOWHERE,
    }


def evacuate(api: httpx.Client, cedar: Host) -> dict[str, Any]:
    """Empty cedar but for one that is left by choice, and return the ended batch."""
    for name in ("mailer", "queue"):
        cedar.start_workload("counter", name=name, memory_mib=32)
    for node in api.get("/nodes").json():
        api.get(f"/nodes/{node['id']}/containers", params={"refresh": True})
    body = {"kind": "evacuate", "node": "cedar", "destinations": {"napper": None}}
    batch: dict[str, Any] = api.post("/batches", json=body).raise_for_status().json()
    deadline = time.monotonic() + BATCH_S
    while not batch["ended_at"] and time.monotonic() < deadline:
        time.sleep(0.5)
        batch = api.get(f"/batches/{batch['id']}").json()
    assert batch["counts"]["succeeded"] == 2, batch
    return batch


def fill_catalog(api: httpx.Client, alder: Host, birch: Host) -> dict[str, str]:
    """Make archives of every kind, a schedule and a clone, and return their pages."""
    alder.run(
        ["podman", "exec", "web", "sh", "-c", "rmdir /tmp; echo x > /notes; echo x > /www/new.html"]
    )
    web, batch = (
        start(api, kind="checkpoint", node=node, container=name, options={"leave_running": True})[
            "result"
        ]["archive_id"]
        for node, name in (("alder", "web"), ("birch", "batch"))
    )
    api.patch(
        f"/archives/{web}",
        json={"pinned": True, "note": "Before the upgrade.", "tags": ["nightly", "shop"]},
    ).raise_for_status()
    content = api.get(f"/archives/{batch}/download").content
    api.delete(f"/archives/{batch}").raise_for_status()
    sent = api.post("/archives", files={"file": ("batch.tar.zst", content)})
    uploaded = sent.raise_for_status().json()["id"]
    clone = start(
        api,
        kind="restore",
        archive=web,
        node="birch",
        options={"name": "web-copy", "publish": ["8088:8080"]},
    )
    alder.run(["podman", "exec", "web", "sh", "-c", "sleep 1000 & echo y > /www/new.html"])
    later = start(
        api, kind="checkpoint", node="alder", container="web", options={"leave_running": True}
    )["result"]["archive_id"]
    schedule = {
        "name": "nightly",
        "cron": "0 3 * * *",
        "names": ["web", "counter"],
        "keep_last": 3,
        "keep_daily": 7,
    }
    made = api.post("/schedules", json=schedule).raise_for_status().json()["id"]
    api.post(f"/schedules/{made}/run").raise_for_status()
    sections = (
        "overview", "processes", "memory", "files", "sockets", "rootfs", "mounts", "networks",
        "privileges", "spec", "config", "log",
    )  # fmt: skip
    return {
        "archives": "/archives/",
        "archives-filtered": "/archives/?tag=nightly&pinned=yes",
        "archive": f"/archives/{web}/",
        "archive-uploaded": f"/archives/{uploaded}/",
        **{f"archive-{name}": f"/archives/{web}/contents/{name}/" for name in sections},
        "archive-tree": f"/archives/{uploaded}/contents/processes/",
        "archive-tree-memory": f"/archives/{uploaded}/contents/memory/",
        "archive-search": f"/archives/{web}/memory-search/",
        "archive-compare": f"/archives/compare/?left={web}&right={later}",
        "delete-archive": f"/archives/{uploaded}/delete/",
        "upload": "/archives/upload/",
        "restore": f"/archives/{web}/restore/",
        "restore-uploaded": f"/archives/{uploaded}/restore/",
        "operation-checkpoint": "/operations/?q=batch",
        "operation-restore": f"/operations/{clone['id']}/",
        "schedules": "/schedules/",
        "schedule": f"/schedules/{made}/",
        "add-schedule": "/schedules/add/",
        "retention": "/archives/retention/",
    }


def migrate(api: httpx.Client, name: str, source: str, destination: str) -> Any:
    return start(api, kind="migrate", source=source, destination=destination, container=name)


def start(api: httpx.Client, **wanted: Any) -> Any:
    queued = api.post("/operations", json=wanted).raise_for_status().json()
    return wait_for_operation(api, queued["id"])
