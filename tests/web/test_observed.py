"""Every request has a number, is counted, and the site says that it lives whatever else hangs."""

from __future__ import annotations

import logging

import httpx
import pytest
from django.test import Client
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from migrationsite.observed import Observed
from nodes.health.traffic import TRAFFIC
from nodes.log_context import ContextFilter
from tests.web.websocket import Socket


async def ask(app: ASGIApp, path: str, **headers: str) -> httpx.Response:
    transport = httpx.ASGITransport(app=Observed(app), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://site") as client:
        return await client.get(path, headers={"x-request-id": headers.get("number", "")})


async def answers(scope: Scope, receive: Receive, send: Send) -> None:
    logging.getLogger("tests").warning("at work")
    await PlainTextResponse("here")(scope, receive, send)


async def breaks(scope: Scope, receive: Receive, send: Send) -> None:
    raise RuntimeError("nothing works")


def figure(name: str, **labels: str) -> float:
    for family in text_string_to_metric_families(generate_latest(TRAFFIC).decode()):
        for sample in family.samples:
            if sample.name == name and sample.labels == labels:
                return sample.value
    return 0


async def test_the_site_lives_though_nothing_of_it_works() -> None:
    response = await ask(breaks, "/healthz")
    assert (response.status_code, response.text) == (200, "ok\n")


async def test_the_number_that_a_proxy_gives_is_kept() -> None:
    response = await ask(answers, "/", number="edge-1.42")
    assert response.headers["x-request-id"] == "edge-1.42"


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, 'x"}', "<script>"])
async def test_any_other_gets_a_new_number(given: str) -> None:
    first, second = [await ask(answers, "/", number=given) for _ in range(2)]
    numbers = {first.headers["x-request-id"], second.headers["x-request-id"]}
    assert len(numbers) == 2
    assert all(len(number) == 32 for number in numbers)


async def test_what_is_logged_meanwhile_says_the_number(caplog: pytest.LogCaptureFixture) -> None:
    caplog.handler.addFilter(ContextFilter())
    response = await ask(answers, "/")
    (record,) = [each for each in caplog.records if each.message == "at work"]
    assert record.context == {"request": response.headers["x-request-id"]}  # type: ignore[attr-defined]


async def test_answers_are_counted_by_status() -> None:
    name = "ferry_http_request_seconds_count"
    before = [figure(name, method="GET", status=status) for status in ("2xx", "5xx")]
    await ask(answers, "/")
    await ask(breaks, "/")
    after = [figure(name, method="GET", status=status) for status in ("2xx", "5xx")]
    assert after == [count + 1 for count in before]


@pytest.mark.django_db(transaction=True)
async def test_live_pages_are_counted_while_they_are_open(adas_browser: Client) -> None:
    before = figure("ferry_websocket_pages")
    async with Socket("/ws/fleet/", adas_browser):
        assert figure("ferry_websocket_pages") == before + 1
    assert figure("ferry_websocket_pages") == before


@pytest.mark.django_db(transaction=True)
async def test_a_page_that_is_refused_is_none() -> None:
    before = figure("ferry_websocket_pages")
    socket = Socket("/ws/fleet/")
    await socket.connect()
    assert figure("ferry_websocket_pages") == before
