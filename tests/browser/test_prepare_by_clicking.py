"""A person makes a node ready by clicking, proves it, and takes it back."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import Page, expect

from nodes.host.probe import CONTAINERS_CONF
from tests.browser.signed_in import SignedInSite
from tests.lab import Host, Lab, wait_until_it_counts

pytestmark = [pytest.mark.browser, pytest.mark.lab]
ENDED_MS = 120_000
SETTLED_S = 3.0
OWN = """\
# How we run containers here.
[engine]
# The scopes are for the accounting.
cgroup_manager = "systemd" # since 2024
num_locks = 2048

[containers]
pids_limit = 0
"""


@pytest.fixture
def fir(lab: Lab, site: SignedInSite) -> Host:
    """Add a host that has neither Podman nor CRIU."""
    if "fir" in lab.hosts:
        lab.host("fir").wipe()
    fir = lab.up(["fir"], rootfs="bare")["fir"]
    # A new cable gets its addresses within two seconds. Chromium drops every request that is under
    # way when one comes (ERR_NETWORK_CHANGED).
    time.sleep(SETTLED_S)
    site.add(fir)
    return fir


def test_a_bare_host_is_prepared_to_all_green_and_passes_its_self_test(
    site: SignedInSite, fir: Host, page: Page
) -> None:
    page.goto(f"/nodes/{site.node_ids['fir']}/")
    expect(page.get_by_text("Cannot migrate")).to_be_visible()
    page.get_by_role("link", name="Prepare node").first.click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Commands")).to_contain_text("apt-get install --yes")
    expect(dialog.get_by_label(f"Change of {CONTAINERS_CONF}")).to_contain_text('+runtime = "runc"')
    assert fir.run(["which", "podman"], check=False).returncode != 0  # nothing is done yet
    dialog.get_by_role("button", name="Prepare node").click()

    expect(page.get_by_text("fir is ready.")).to_be_visible(timeout=ENDED_MS)
    assert 'runtime = "runc"' in fir.run(["cat", CONTAINERS_CONF]).stdout
    page.get_by_role("button", name="Run self-test").click()
    expect(page.get_by_text("fir can checkpoint and restore")).to_be_visible(timeout=ENDED_MS)
    assert fir.run(["podman", "ps", "--all", "--quiet"]).stdout == ""

    page.get_by_role("link", name="Go to fir").click()
    readiness = page.get_by_role("region", name="Readiness")
    expect(readiness.get_by_text("Ready", exact=True)).to_be_visible()
    expect(readiness.locator(".finding:not([data-level=ok])")).to_have_count(0)
    expect(page.get_by_role("region", name="Self-test").get_by_text("Passed")).to_be_visible()
    expect(page.get_by_role("region", name="History")).to_contain_text("Podman answers.")


def test_the_cgroup_manager_is_changed_and_changed_back_by_clicking(
    site: SignedInSite, page: Page, alder: Host, counter: str
) -> None:
    alder.path(CONTAINERS_CONF).write_text(OWN)
    started = alder.run(["podman", "inspect", "--format", "{{.State.Pid}}", "counter"]).stdout
    page.goto(f"/nodes/{site.node_ids['alder']}/")
    page.get_by_role("button", name="Check again").click()
    found = page.get_by_role("region", name="Readiness")
    expect(found.get_by_text("With the systemd cgroup manager")).to_be_visible()

    # It may be seen before the scripts run; a link pressed then leads to the page of the dialog.
    page.wait_for_load_state()
    page.get_by_role("link", name="Prepare node").first.click()
    dialog = page.get_by_role("dialog")
    change = dialog.get_by_label(f"Change of {CONTAINERS_CONF}")
    expect(change).to_contain_text('+cgroup_manager = "cgroupfs" # since 2024')
    expect(dialog).to_contain_text("Containers that run are not stopped")
    dialog.get_by_role("button", name="Prepare node").click()
    expect(page.get_by_text("alder is ready.")).to_be_visible(timeout=ENDED_MS)
    text = OWN.replace('"systemd"', '"cgroupfs"').replace(
        "num_locks = 2048\n", 'num_locks = 2048\nruntime = "runc"\n'
    )
    assert alder.run(["cat", CONTAINERS_CONF]).stdout == text

    page.get_by_role("link", name="Go to alder").click()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("The configuration of alder is as it was before.")).to_be_visible(
        timeout=ENDED_MS
    )
    assert alder.run(["cat", CONTAINERS_CONF]).stdout == OWN
    wait_until_it_counts(alder)
    now = alder.run(["podman", "inspect", "--format", "{{.State.Pid}}", "counter"]).stdout
    assert now == started

    page.get_by_role("link", name="Go to alder").click()
    expect(page.get_by_role("button", name=re.compile("^Undo"))).to_have_count(0)


def test_a_failure_is_explained_with_its_line_its_log_and_a_retry_that_works(
    site: SignedInSite, page: Page, alder: Host, birch: Host
) -> None:
    alder.start_workload("lock", name="lock")
    page.goto("/")
    page.get_by_role("link", name="Migrate lock").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text(re.compile(r"\d+ checks passed"))).to_be_visible()
    dialog.get_by_role("button", name="Migrate").click()

    panel = page.get_by_role("region", name=re.compile("The checkpoint of lock failed on alder"))
    expect(panel).to_be_visible(timeout=ENDED_MS)
    expect(panel).to_contain_text("A process in the container holds a file lock.")
    expect(panel).to_contain_text("Error (criu/file-lock.c")
    with page.expect_download() as downloading:
        panel.get_by_role("link", name=re.compile("dump.log")).click()
    log = downloading.value.path().read_text()
    assert "Some file locks are hold" in log
    assert len(log.splitlines()) > 100  # the whole log, not only its errors

    panel.get_by_role("link", name="Try again with --file-locks").click()
    expect(dialog.get_by_text(re.compile(r"\d+ checks passed"))).to_be_visible()
    dialog.get_by_role("button", name="Migrate").click()
    expect(page.get_by_text("lock moved from alder to birch.")).to_be_visible(timeout=ENDED_MS)
    assert birch.run(["podman", "ps", "--format", "{{.Names}}"]).stdout.split() == ["lock"]
