"""A site that is killed leaves no file without a row and no row without a file."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.integration.site import (
    all_containers,
    assert_same_program,
    running,
    staging_is_gone,
    volumes,
)
from tests.lab import Host, full_check, read_counter
from tests.serving import ServedSite, wait_for_operation, wait_for_phase

pytestmark = [pytest.mark.integration, pytest.mark.lab]
_MIB = 1024 * 1024


def files_of(served: ServedSite) -> list[str]:
    """Return the names of all files of the catalog, those on their way included."""
    folder = served.data_dir / "archives"
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def start(api: httpx.Client, **wanted: Any) -> int:
    for node in api.get("/nodes").json():
        api.get(f"/nodes/{node['id']}/containers", params={"refresh": True}).raise_for_status()
    answer = api.post("/operations", json=wanted)
    assert answer.status_code == 202, answer.text
    return int(answer.json()["id"])


def archives(api: httpx.Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.get("/archives").json()["items"]
    return found


@pytest.fixture
def archive(api: httpx.Client, counter: str) -> dict[str, Any]:
    """Return an archive of the counter, which runs on."""
    options = {"leave_running": True, "compress": "none"}
    operation_id = start(api, kind="checkpoint", node="alder", container="counter", options=options)
    operation = wait_for_operation(api, operation_id)
    assert operation["state"] == "succeeded", operation
    (found,) = archives(api)
    return found


@pytest.mark.parametrize("leave_running", [True, False])
@pytest.mark.parametrize("phase", ["checkpoint", "transfer", "clean-up"])
def test_killed_in_a_checkpoint(
    served: ServedSite,
    api: httpx.Client,
    alder: Host,
    counter: str,
    phase: str,
    leave_running: bool,
) -> None:
    before = read_counter(alder)
    options = {"leave_running": leave_running}
    operation_id = start(api, kind="checkpoint", node="alder", container="counter", options=options)
    wait_for_phase(api, operation_id, phase)

    served.kill()
    served.start()
    operation = wait_for_operation(api, operation_id)

    rows = archives(api)
    assert len(files_of(served)) == len(rows)
    assert all(row["state"] == "ready" for row in rows)
    if operation["state"] == "succeeded":
        assert operation["result"]["archive_id"] == rows[0]["id"]
        assert api.post(f"/archives/{rows[0]['id']}/verify").json()["matches"] is True
        assert running(alder) == (["counter"] if leave_running else [])
    else:
        assert operation["error"]["code"] == "interrupted", operation
        assert rows == []
        assert running(alder) == ["counter"]
        assert_same_program(before, full_check(alder))
    assert staging_is_gone(alder)


@pytest.mark.parametrize("phase", ["transfer", "restore"])
def test_killed_in_a_restore(
    served: ServedSite,
    api: httpx.Client,
    birch: Host,
    archive: dict[str, Any],
    phase: str,
) -> None:
    options = {"name": "clone", "publish": ["8099:8080"]}
    operation_id = start(api, kind="restore", archive=archive["id"], node="birch", options=options)
    wait_for_phase(api, operation_id, phase)

    served.kill()
    served.start()
    operation = wait_for_operation(api, operation_id)

    # What the killed site had begun was taken back, and begun anew.
    assert operation["state"] == "succeeded", operation
    assert all_containers(birch) == running(birch) == ["clone"]
    assert len(volumes(birch)) == 1
    assert full_check(birch, "clone").errors == 0
    assert staging_is_gone(birch)
    assert api.post(f"/archives/{archive['id']}/verify").json()["matches"] is True
    assert len(files_of(served)) == 1


def test_killed_in_a_download(
    served: ServedSite, api: httpx.Client, archive: dict[str, Any]
) -> None:
    with api.stream("GET", f"/archives/{archive['id']}/download") as answer:
        chunks = answer.iter_raw(_MIB)
        next(chunks)
        served.kill()
        with pytest.raises(httpx.TransportError):
            for _ in chunks:
                pass
    served.start()
    assert len(files_of(served)) == len(archives(api)) == 1
    assert api.post(f"/archives/{archive['id']}/verify").json()["matches"] is True


def test_killed_in_an_upload(
    served: ServedSite, api: httpx.Client, archive: dict[str, Any]
) -> None:
    content = api.get(f"/archives/{archive['id']}/download").content
    api.delete(f"/archives/{archive['id']}").raise_for_status()
    connection = http.client.HTTPConnection("127.0.0.1", served.port)
    connection.putrequest("POST", "/api/v1/archives")
    connection.putheader("Authorization", api.headers["Authorization"])
    connection.putheader("Content-Type", "multipart/form-data; boundary=xx")
    head = b'--xx\r\nContent-Disposition: form-data; name="file"; filename="c.tar"\r\n\r\n'
    connection.putheader("Content-Length", str(len(head) + len(content) + len(b"\r\n--xx--\r\n")))
    connection.endheaders()
    connection.send(head + content[: len(content) // 2])

    served.kill()
    connection.close()
    served.start()

    assert archives(api) == []
    assert files_of(served) == []


@pytest.fixture(autouse=True)
def _catalog_is_whole_at_the_end(served: ServedSite) -> Iterator[None]:
    yield
    left = served.data_dir / "archives" / "incoming"
    assert not left.exists() or list(left.iterdir()) == []
