"""A real nginx, with the configuration of deploy/, in front of two processes that serve."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator

import httpx
import pytest
from websockets.sync.client import connect

from tests.scale.site import ManyProcesses, many_processes, signed_in_at
from tests.servers import Nginx
from tests.unit.archives import Checkpoint

PIECE_BYTES = 1000


@pytest.fixture(scope="module")
def site(
    environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ManyProcesses]:
    sent_by_nginx = {"FERRY_SENDFILE_BACKEND": "django_sendfile.backends.nginx"}
    folder = tmp_path_factory.mktemp("site")
    with many_processes(folder, {**environment, **sent_by_nginx}, workers=0) as site:
        yield site


@pytest.fixture(scope="module")
def nginx(site: ManyProcesses) -> Iterator[Nginx]:
    server = Nginx([web.port for web in site.webs], site.webs[0].data_dir / "archives")
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def cookie(site: ManyProcesses) -> str:
    return signed_in_at(site.webs[0], "olga", role="operator")


@pytest.fixture
def browser(nginx: Nginx, cookie: str) -> Iterator[httpx.Client]:
    """Return a signed-in browser that sends its forms with their token."""
    with httpx.Client(base_url=nginx.url, headers={"Cookie": cookie}, timeout=60) as client:
        page = client.get("/archives/upload/").raise_for_status()
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
        assert token is not None
        client.headers["X-CSRFToken"] = token[1]
        client.headers["Cookie"] = f"{cookie}; csrftoken={page.cookies['csrftoken']}"
        client.cookies.clear()
        yield client


def upload(browser: httpx.Client, content: bytes, name: str) -> int:
    """Upload in pieces and return the archive."""
    encoded = base64.b64encode(name.encode()).decode()
    headers = {"Upload-Length": str(len(content)), "Upload-Metadata": f"filename {encoded}"}
    begun = browser.post("/archives/uploads/", headers=headers)
    assert begun.status_code == 201, begun.text
    for start in range(0, len(content), PIECE_BYTES):
        answer = browser.patch(
            begun.headers["Location"],
            content=content[start : start + PIECE_BYTES],
            headers={
                "Upload-Offset": str(start),
                "Content-Type": "application/offset+octet-stream",
            },
        )
        assert answer.is_success, answer.text
    found = re.search(r"/archives/(\d+)/", answer.headers["Ferry-Archive"])
    assert found is not None
    return int(found[1])


def test_pieces_of_an_upload_go_to_the_process_that_has_begun_it(browser: httpx.Client) -> None:
    # Each would be refused by the other process.
    for number in range(4):
        content = Checkpoint(environment=[f"NUMBER={number}"]).pack()
        assert len(content) > PIECE_BYTES
        upload(browser, content, f"upload-{number}.tar.zst")


def test_nginx_sends_an_archive_to_those_who_may_have_it(
    browser: httpx.Client, nginx: Nginx
) -> None:
    content = Checkpoint(log="sent by nginx").pack()
    address = f"/archives/{upload(browser, content, 'sent.tar.zst')}/download/"

    whole = browser.get(address)
    assert hashlib.sha256(whole.content).digest() == hashlib.sha256(content).digest()
    # What nginx makes of a file by itself.
    assert re.fullmatch(r'"[0-9a-f]+-[0-9a-f]+"', whole.headers["ETag"])
    assert 'filename="sent.tar.zst"' in whole.headers["Content-Disposition"]
    rest = browser.get(address, headers={"Range": "bytes=100-"})
    assert (rest.status_code, rest.content) == (206, content[100:])
    # What Ferry itself would have read is never named to anybody.
    assert "x-accel-redirect" not in whole.headers
    stranger = httpx.get(f"{nginx.url}{address}")
    assert stranger.status_code == 302


def test_nobody_reaches_the_archives_folder_past_ferry(
    browser: httpx.Client, site: ManyProcesses
) -> None:
    content = Checkpoint(log="out of reach").pack()
    upload(browser, content, "hidden.tar.zst")
    [(key,)] = site.rows("SELECT key FROM nodes_archive WHERE name = %s", "hidden")
    assert browser.get(f"/protected-archives/{key}").status_code == 404


def test_an_archive_in_one_request_streams_through(browser: httpx.Client, nginx: Nginx) -> None:
    # More than nginx itself would take without being told.
    content = Checkpoint(written={"filler": bytes(3 * 1024**2)}).pack("none")
    answer = browser.post("/archives/upload/", files={"file": ("large.tar", content)})
    assert answer.status_code == 302, answer.text


def test_pages_live_through_nginx(nginx: Nginx, cookie: str, browser: httpx.Client) -> None:
    address = f"{nginx.url.replace('http', 'ws')}/ws/fleet/?view=archives"
    with connect(address, origin=nginx.url, additional_headers={"Cookie": cookie}) as socket:
        socket.recv(timeout=10)
        upload(browser, Checkpoint(log="told live").pack(), "live.tar.zst")
        # From whichever process took it.
        assert socket.recv(timeout=10)
