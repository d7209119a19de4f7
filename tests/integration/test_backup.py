"""A served site is backed up, lost, and made again: it knows its users, its nodes, its archives."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import httpx
import pytest

from tests.integration.site import running
from tests.lab import Host
from tests.serving import ServedSite, wait_for_operation

pytestmark = [pytest.mark.integration, pytest.mark.lab]
PASSWORD = "correct horse battery staple"
MAKE_USER = f"""
from django.contrib.auth.models import User
from nodes.models.role import Role, assign_role
assign_role(User.objects.create_user("nora", password={PASSWORD!r}), Role.ADMIN)
"""


def take_checkpoint(api: httpx.Client) -> int:
    node = next(each for each in api.get("/nodes").json() if each["name"] == "alder")
    api.get(f"/nodes/{node['id']}/containers", params={"refresh": True}).raise_for_status()
    options = {"leave_running": True}
    wanted = {"kind": "checkpoint", "node": "alder", "container": "counter", "options": options}
    operation = wait_for_operation(api, api.post("/operations", json=wanted).json()["id"])
    assert operation["state"] == "succeeded", operation
    return int(operation["result"]["archive_id"])


def sign_in(browser: httpx.Client) -> None:
    page = browser.get("/account/login/")
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
    assert token is not None
    form = {"username": "nora", "password": PASSWORD, "csrfmiddlewaretoken": token[1]}
    answer = browser.post("/account/login/", data=form)
    assert (answer.status_code, answer.url.path) == (200, "/")


def test_a_lost_site_is_made_again(
    served: ServedSite, api: httpx.Client, alder: Host, counter: str, tmp_path: Path
) -> None:
    archive_id = take_checkpoint(api)
    archive = api.get(f"/archives/{archive_id}").json()
    served.manage("shell", "-c", MAKE_USER)
    # While it serves.
    file = tmp_path / "site.ferry.tar.zst"
    served.manage("backup", str(file), "--with-archives")
    served.kill()

    talkative = {"FERRY_LOG_LEVEL": "DEBUG", "FERRY_LOG_FORMAT": "json"}
    other = ServedSite(tmp_path / "other", talkative)
    other.data_dir.mkdir()
    other.manage("restore_backup", str(file))
    other.start()
    try:
        with httpx.Client(base_url=f"{other.url}/api/v1", headers=api.headers, timeout=60) as known:
            assert [node["name"] for node in known.get("/nodes").json()] == ["alder", "birch"]
            assert known.get("/site-key").json() == api_key(served)
            got = known.get(f"/archives/{archive_id}/download").raise_for_status().content
            assert hashlib.sha256(got).hexdigest() == archive["sha256"]
            # The SSH key is decrypted, and lets it in on a host that knows it from before.
            assert take_checkpoint(known) != archive_id
        assert running(alder) == ["counter"]
        with httpx.Client(base_url=other.url, follow_redirects=True, timeout=60) as browser:
            sign_in(browser)
            assert browser.get("/readyz").json() == {"ready": True, "problems": {}}
            assert "ferry_archives 2.0" in browser.get("/metrics").text
    finally:
        other.stop()
    assert_log_tells_all_but_secrets(other.log.read_text(), api)


def assert_log_tells_all_but_secrets(log: str, api: httpx.Client) -> None:
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    of_operation = [line for line in lines if "operation" in line]
    assert of_operation
    assert {(line["kind"], line["container"]) for line in of_operation} == {
        ("checkpoint", "counter")
    }
    assert any(line["logger"].startswith("nodes.ssh") for line in of_operation), of_operation
    assert any("request" in line for line in lines)
    for secret in (PASSWORD, api.headers["Authorization"].split()[1], "PRIVATE KEY"):
        assert secret not in log


def api_key(site: ServedSite) -> dict[str, str]:
    told = site.manage(
        "shell",
        "--no-imports",
        "-c",
        "from nodes.models import *; print(SiteKey.objects.get().public_key)",
    )
    return {"public_key": told.strip()}


def test_a_site_that_is_served_is_not_replaced(served: ServedSite, tmp_path: Path) -> None:
    file = tmp_path / "site.ferry.tar.zst"
    served.manage("backup", str(file))
    with pytest.raises(AssertionError, match="The site is in use"):
        served.manage("restore_backup", str(file), "--replace")
    assert httpx.get(f"{served.url}/healthz").text == "ok\n"
