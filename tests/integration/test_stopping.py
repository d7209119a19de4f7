"""A service manager stops the site: what is under way ends cleanly."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.serving import ServedSite

pytestmark = pytest.mark.integration
PASSWORD = "correct horse battery staple"
SIZE_BYTES = 64 * 1024**2
KEY = "0" * 32
# A user, and an archive that is longer than what the sockets hold.
FILL = f"""
from django.conf import settings
from django.contrib.auth.models import User
from nodes.models import Archive
from nodes.models.role import Role, assign_role
assign_role(User.objects.create_user("nora", password={PASSWORD!r}), Role.ADMIN)
settings.FERRY_ARCHIVES_DIR.joinpath({KEY!r}).write_bytes(bytes({SIZE_BYTES}))
Archive.objects.create(name="x", key={KEY!r}, sha256="0" * 64, size_bytes={SIZE_BYTES},
    container_name="counter", container_podman_id="1", node_name="alder")
"""


@pytest.fixture
def browser(served: ServedSite) -> Iterator[httpx.Client]:
    served.manage("shell", "-c", FILL)
    with httpx.Client(base_url=served.url, timeout=30) as browser:
        browser.get("/account/login/")
        form = {"username": "nora", "password": PASSWORD}
        token = {"X-CSRFToken": browser.cookies["csrftoken"]}
        assert browser.post("/account/login/", data=form, headers=token).status_code == 302
        yield browser


def ask_to_stop(site: ServedSite) -> None:
    assert site.process is not None
    site.process.send_signal(signal.SIGTERM)


def end_of(site: ServedSite) -> tuple[int, str]:
    assert site.process is not None
    status = site.process.wait(30)
    return status, site.log.read_text()


def test_a_page_is_told_that_the_site_restarts(served: ServedSite, browser: httpx.Client) -> None:
    cookie = f"sessionid={browser.cookies['sessionid']}"
    address = f"{served.url.replace('http', 'ws', 1)}/ws/fleet/"
    with connect(address, origin=served.url, additional_headers={"Cookie": cookie}) as page:  # type: ignore[arg-type]
        page.recv(10)
        ask_to_stop(served)
        with pytest.raises(ConnectionClosed) as closed:
            list(page)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012
    status, log = end_of(served)
    assert (status, "Traceback" in log) == (-signal.SIGTERM, False), log


def test_a_download_under_way_is_finished(served: ServedSite, browser: httpx.Client) -> None:
    with browser.stream("GET", "/archives/1/download/") as answer:
        pieces = answer.iter_bytes(1024**2)
        got_bytes = len(next(pieces))
        ask_to_stop(served)
        time.sleep(1)
        got_bytes += sum(len(piece) for piece in pieces)
    assert got_bytes == SIZE_BYTES
    _, log = end_of(served)
    assert "Traceback" not in log, log


def test_a_download_that_is_too_slow_is_cut_and_goes_on_later(
    served: ServedSite, browser: httpx.Client
) -> None:
    with browser.stream("GET", "/archives/1/download/") as answer:
        pieces = answer.iter_bytes(1024**2)
        next(pieces)
        ask_to_stop(served)
        end_of(served)
        with pytest.raises(httpx.RemoteProtocolError):
            list(pieces)
        got_bytes = answer.num_bytes_downloaded
    assert got_bytes < SIZE_BYTES
    served.start()
    rest = browser.get("/archives/1/download/", headers={"Range": f"bytes={got_bytes}-"})
    assert (rest.status_code, len(rest.content)) == (206, SIZE_BYTES - got_bytes)
