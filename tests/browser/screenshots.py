"""Take a picture of every page in light and dark, wide and on a phone: `make screenshots`.

They go to test-results/screenshots; with --readme those of the README are renewed as well.
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Browser, Page, sync_playwright

from nodes.host.probe import CONTAINERS_CONF
from tests.browser.chromium import ARGUMENTS, CHROMIUM
from tests.browser.signed_in import SignedInSite
from tests.lab import Host, Lab
from tests.serving import ROOT, ServedSite, wait_for_operation

FOLDER = ROOT / "test-results" / "screenshots"
README_FOLDER = ROOT / "docs" / "images"
README_PICTURES = {
    "fleet": "fleet",
    "operation": "operation",
    "archives": "archives",
    "archive-tree": "processes",
    "archive-tree-memory": "memory",
    "archive-compare": "compare",
    "migrate": "migrate",
    "prepare": "prepare",
    "batch": "batch",
    "node": "node",
}
# What an administrator might have written.
_UNDER_SYSTEMD = r"""
printf '# Our own.\n[engine]\ncgroup_manager = "systemd"\nnum_locks = 2048\n' > "$1"
"""
# Their preflight comes a moment after the page.
DIALOGS = (
    "migrate", "checkpoint", "restore", "restore-uploaded", "evacuate", "batch-bring-back",
)  # fmt: skip
BATCH_S = 120.0
VARIANTS: dict[str, dict[str, Any]] = {
    "light": {"viewport": {"width": 1440, "height": 900}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1440, "height": 900}, "color_scheme": "dark"},
    "wide": {"viewport": {"width": 2560, "height": 1200}, "color_scheme": "light"},
    "phone": {"viewport": {"width": 390, "height": 844}, "color_scheme": "light"},
    "phone-dark": {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"},
}


def main() -> None:
    lab = Lab("shots")
    try:
        hosts = lab.up(["alder", "birch", "cedar"])
        # Without Podman and CRIU, to be prepared.
        hosts |= lab.up(["fir"], rootfs="bare")
        with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
            served = ServedSite(Path(folder))
            served.start()
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            try:
                paths = furnish(served, hosts)
                take_all(browser, served, paths)
            finally:
                browser.close()
                served.stop()
    finally:
        lab.down(wipe=True)
    if "--readme" in sys.argv:
        README_FOLDER.mkdir(parents=True, exist_ok=True)
        for page, name in README_PICTURES.items():
            shutil.copy(FOLDER / f"{page}-light.png", README_FOLDER / f"{name}.png")


def furnish(served: ServedSite, hosts: dict[str, Host]) -> dict[str, str]:
    """Let something happen on the site, and return the page of each picture."""
    alder, birch, cedar = hosts["alder"], hosts["birch"], hosts["cedar"]
    alder.start_workload("counter", name="counter", port=8081)
    alder.start_workload("web", name="web", port=8080)
    birch.start_workload("tree", name="batch")
    cedar.start_workload("sleep", name="napper")
    site = SignedInSite.with_nodes(served, list(hosts.values()))
    with served.api() as api:
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
        "containers": "/containers/",
        "container": container,
        "migrate": f"{container}migrate/",
        "stop": f"{container}actions/stop/",
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
        "not-found": "/nowhere/",
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


def take_all(browser: Browser, served: ServedSite, paths: dict[str, str]) -> None:
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    found = re.search(r"as admin with the password (\S+)", served.log.read_text())
    assert found is not None
    for variant, settings in VARIANTS.items():
        context = browser.new_context(base_url=served.url, **settings)
        page = context.new_page()
        page.goto("/")
        take(page, "sign-in", variant)
        page.get_by_label("Username").fill("admin")
        page.get_by_label("Password", exact=True).fill(found.group(1))
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("heading", name="Fleet").wait_for()
        for name, path in paths.items():
            page.goto(path)
            take(page, name, variant)
        context.close()


def take(page: Page, name: str, variant: str) -> None:
    page.wait_for_load_state("networkidle")
    # The websocket sends the present state, and a dialog its preflight, a moment later.
    page.wait_for_timeout(1500 if name in DIALOGS else 400)
    page.screenshot(path=FOLDER / f"{name}-{variant}.png", full_page=True)


if __name__ == "__main__":
    main()
