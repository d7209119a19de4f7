"""Nodes as a person meets them: add, watch live, lose, find again, confirm a changed host key."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.signed_in import SignedInSite
from tests.lab import PASSWORD, Host
from tests.serving import ServedSite

pytestmark = [pytest.mark.browser, pytest.mark.lab]
# tests/integration/test_live_inventory.py holds it to a second.
SOON_MS = 10_000


def test_an_empty_site_leads_to_its_first_node_by_form_fingerprint_and_a_password_typed_once(
    served: ServedSite, page: Page, birch: Host
) -> None:
    birch.run(["rm", "-rf", "/home/ferry/.ssh"])
    guide = page.get_by_role("region", name="Add your first node")
    expect(guide.get_by_text("authorized_keys")).to_be_visible()
    page.get_by_label("Name", exact=True).fill("birch")
    page.get_by_label(re.compile("Host name or address")).fill(birch.address)
    page.get_by_label("User").fill("ferry")
    page.get_by_label(re.compile("sudo")).check()
    page.get_by_role("button", name="Show host key").click()

    key = birch.run(["ssh-keygen", "-lf", "/etc/ssh/ssh_host_ed25519_key.pub"]).stdout.split()[1]
    expect(page.get_by_text(key)).to_be_visible()
    page.get_by_label("Password").fill("not the password")
    page.get_by_role("button", name=re.compile("It is right, add birch")).click()
    expect(page.get_by_role("alert")).to_contain_text("refused to let ferry in with the password")
    # What went wrong takes the focus, and must not do so while something is typed.
    page.wait_for_function("document.activeElement !== document.body")

    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name=re.compile("It is right, add birch")).click()
    expect(page.get_by_role("heading", name="birch")).to_be_visible()
    expect(page.get_by_text("Online").first).to_be_visible()
    assert PASSWORD not in served.log.read_text()

    # The guide goes on to the second node, ticked off so far, and can be hidden.
    page.goto("/")
    page.wait_for_load_state()
    guide = page.get_by_role("region", name="A second node, and a container can move")
    expect(guide.get_by_role("heading", name="birch is added")).to_be_visible()
    expect(guide.get_by_text("birch is ready.")).to_be_visible()
    expect(guide.get_by_role("link", name="Add a second node")).to_be_visible()
    guide.get_by_role("button", name="Hide this guide").click()
    expect(guide).to_be_hidden()
    page.get_by_role("button", name="Undo").click()
    expect(guide).to_be_visible()


def test_what_happens_on_the_node_is_on_the_page_by_itself(
    site: SignedInSite, page: Page, alder: Host
) -> None:
    page.goto("/")
    page.wait_for_load_state()
    page.evaluate("window.loadedOnce = true")
    card = page.locator(".node-card", has=page.get_by_role("link", name="alder", exact=True))
    expect(card).to_have_attribute("data-state", "online")
    on_alder = page.get_by_role("list", name="Containers on alder")
    alder.start_workload("sleep", name="napper")
    napper = on_alder.locator("li", has_text="napper")
    expect(napper).to_have_attribute("data-state", "running", timeout=SOON_MS)
    alder.run(["podman", "stop", "--time", "0", "napper"])
    expect(napper).to_have_attribute("data-state", "exited", timeout=SOON_MS)
    alder.run(["podman", "rm", "napper"])
    expect(napper).to_have_count(0, timeout=SOON_MS)
    assert page.evaluate("window.loadedOnce") is True


def test_a_node_that_goes_away_keeps_its_containers_greyed_and_comes_back_by_itself(
    site: SignedInSite, page: Page, alder: Host, counter: str
) -> None:
    page.goto("/")
    card = page.locator(".node-card", has=page.get_by_role("link", name="alder", exact=True))
    expect(card.get_by_text("counter")).to_be_visible()
    alder.cut()
    expect(card).to_have_attribute("data-state", "unreachable", timeout=40_000)
    expect(card).to_contain_text("cannot be reached")
    expect(card.get_by_text("counter")).to_be_visible()
    alder.mend()
    expect(card).to_have_attribute("data-state", "online", timeout=40_000)


def test_a_changed_host_key_is_refused_until_an_admin_confirms_it(
    site: SignedInSite, page: Page, birch: Host
) -> None:
    page.goto(f"/nodes/{site.node_ids['birch']}/")
    birch.stop_sshd(drop_sessions=True)
    birch.rotate_host_key()
    birch.start_sshd()
    expect(page.get_by_text("The host key of birch has changed").first).to_be_visible()
    page.get_by_role("link", name="Review host key").first.click()
    expect(page.get_by_text("They differ.")).to_be_visible()
    page.get_by_role("button", name="Confirm new host key").click()
    expect(page.get_by_text("Online").first).to_be_visible()


def test_a_viewer_sees_no_button_that_acts(
    site: SignedInSite, page: Page, alder: Host, counter: str
) -> None:
    site.served.manage(
        "shell", "-v", "0", "-c",
        "from django.contrib.auth.models import User;"
        "from nodes.models.role import Role, assign_role;"
        "assign_role(User.objects.create_user('vera', password='a long pass phrase'), Role.VIEWER)",
    )  # fmt: skip
    page.context.clear_cookies()
    page.goto("/")
    page.get_by_label("Username").fill("vera")
    page.get_by_label("Password", exact=True).fill("a long pass phrase")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("counter").first).to_be_visible()
    expect(page.get_by_role("link", name="Migrate counter")).to_have_count(0)
    expect(page.get_by_role("link", name=re.compile("Add node"))).to_have_count(0)
