"""The real serving process, driven through its API, and stopped at a bad moment."""

from __future__ import annotations

import hashlib

import httpx
import pytest

from tests.integration.site import all_containers, assert_same_program, running, staging_is_gone
from tests.lab import Host, full_check, read_counter
from tests.serving import ServedSite, wait_for_operation, wait_for_phase

pytestmark = [pytest.mark.integration, pytest.mark.lab]


def start_migration(api: httpx.Client) -> int:
    alder = next(n for n in api.get("/nodes").json() if n["name"] == "alder")
    api.get(f"/nodes/{alder['id']}/containers", params={"refresh": True}).raise_for_status()
    wanted = {"kind": "migrate", "source": "alder", "destination": "birch", "container": "counter"}
    answer = api.post("/operations", json=wanted)
    assert answer.status_code == 202, answer.text
    return int(answer.json()["id"])


def test_a_program_migrates_and_downloads_the_archive(
    api: httpx.Client, alder: Host, birch: Host, counter: str
) -> None:
    before = read_counter(alder)

    operation = wait_for_operation(api, start_migration(api))

    assert operation["state"] == "succeeded", operation
    assert (running(alder), running(birch)) == ([], ["counter"])
    assert_same_program(before, full_check(birch))
    archive = api.get(f"/archives/{operation['result']['archive_id']}").json()
    whole = api.get(f"/archives/{archive['id']}/download")
    assert hashlib.sha256(whole.content).hexdigest() == archive["sha256"]
    assert len(whole.content) == archive["size_bytes"]
    half = archive["size_bytes"] // 2
    rest = api.get(f"/archives/{archive['id']}/download", headers={"Range": f"bytes={half}-"})
    assert rest.status_code == 206
    assert whole.content[:half] + rest.content == whole.content


@pytest.mark.parametrize("phase", ["preflight", "checkpoint", "verify"])
def test_a_killed_site_goes_on_with_the_migration_at_its_next_start(
    served: ServedSite, api: httpx.Client, alder: Host, birch: Host, counter: str, phase: str
) -> None:
    before = read_counter(alder)
    operation_id = start_migration(api)
    wait_for_phase(api, operation_id, phase)

    served.kill()
    served.start()
    operation = wait_for_operation(api, operation_id)

    assert operation["state"] == "succeeded", operation
    assert (all_containers(alder), running(birch)) == ([], ["counter"])
    assert_same_program(before, full_check(birch))
    assert operation["result"]["downtime_s"] > 0
    assert operation["result"]["archive_id"] == api.get("/archives").json()["items"][0]["id"]
    assert staging_is_gone(alder)
    assert staging_is_gone(birch)


def test_a_stopped_site_rolls_back_before_it_ends(
    served: ServedSite, api: httpx.Client, alder: Host, birch: Host, counter: str
) -> None:
    before = read_counter(alder)
    operation_id = start_migration(api)
    wait_for_phase(api, operation_id, "checkpoint")

    served.stop()

    assert (running(alder), all_containers(birch)) == (["counter"], [])
    served.start()
    assert api.get(f"/operations/{operation_id}").json()["state"] == "cancelled"
    assert_same_program(before, full_check(alder))
