"""The log says what each line belongs to, and no secrets."""

from __future__ import annotations

import asyncio
import json
import logging
import sys

import pytest

from nodes.log_context import ContextFilter, bound
from nodes.log_format import JsonFormatter, LineFormatter, without_secrets

SECRETS = [
    ("Authorization: Bearer ferry_0123456789abcdefghijklmnop", "0123456789abcdef"),
    ("the token ferry_0123456789abcdefghijklmnop is new", "0123456789abcdef"),
    ("password=hunter2hunter2 for root", "hunter2"),
    ("{'password': 'hunter2 hunter2', 'user': 'root'}", "hunter2"),
    ('{"api_key": "hunter2"}', "hunter2"),
    ("env DB_PASSWORD=hunter2", "hunter2"),
    ("postgres://ferry:hunter2@db/ferry", "hunter2"),
    ("postgres://ferry:hun/ter2@x@db/ferry", "ter2"),
    ("< cookie: csrftoken=a; sessionid=hunter2", "hunter2"),
    ("authorization: Token hunter2", "hunter2"),
    ("bearer hunter2", "hunter2"),
    ("DB_PASS=hunter2 MYSQL_PWD=hunter3", "hunter"),
    ("PGPASS=hunter2 pass=hunter3", "hunter"),
    ("-----BEGIN OPENSSH PRIVATE KEY-----\nb3Blbn\n-----END OPENSSH PRIVATE KEY-----", "b3Blbn"),
    ("-----BEGIN PRIVATE KEY-----\nb3Blbn", "b3Blbn"),
]


def record(message: str = "began", *, error: bool = False) -> logging.LogRecord:
    exc_info = None
    if error:
        try:
            raise ValueError("password=hunter2")
        except ValueError:
            exc_info = sys.exc_info()
    made = logging.LogRecord("nodes.x", logging.INFO, __file__, 1, message, None, exc_info)
    assert ContextFilter().filter(made)
    return made


@pytest.mark.parametrize("text, secret", SECRETS)
def test_what_looks_like_a_secret_is_hidden(text: str, secret: str) -> None:
    assert secret not in without_secrets(text)


@pytest.mark.parametrize(
    "text",
    [
        "operation 5: no token was given",
        "https://alder:8080/x",
        "second pass: 3 of 4",
        "0 secrets found in counter",
    ],
)
def test_everything_else_stays(text: str) -> None:
    assert without_secrets(text) == text


@pytest.mark.parametrize("name", ["uvicorn.error", "websockets.server", "websockets.client"])
def test_what_writes_headers_of_websockets_never_does(name: str) -> None:
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.DEBUG)
    try:
        assert not logging.getLogger(name).isEnabledFor(logging.DEBUG)
    finally:
        root.setLevel(level)


def test_a_line_of_json_holds_what_is_bound() -> None:
    with bound(operation=5, container="counter", destination=""):
        line = json.loads(JsonFormatter().format(record()))
    assert line["message"] == "began"
    assert (line["level"], line["logger"]) == ("info", "nodes.x")
    assert (line["operation"], line["container"]) == ("5", "counter")
    assert "destination" not in line


def test_a_line_for_people_ends_with_what_is_bound() -> None:
    with bound(operation=5), bound(request="r1"):
        assert LineFormatter().format(record()).endswith("nodes.x began [operation=5 request=r1]")
    assert LineFormatter().format(record()).endswith("nodes.x began")


@pytest.mark.parametrize("formatter", [LineFormatter(), JsonFormatter()])
def test_a_traceback_is_there_without_its_secrets(formatter: logging.Formatter) -> None:
    text = formatter.format(record(error=True))
    assert "ValueError" in text
    assert "hunter2" not in text


async def test_tasks_that_run_side_by_side_are_told_apart() -> None:
    async def line(number: int) -> str:
        with bound(operation=number):
            await asyncio.sleep(0)
            return LineFormatter().format(record())

    lines = await asyncio.gather(line(1), line(2))
    assert [text.rpartition("operation=")[2] for text in lines] == ["1]", "2]"]
