"""Whatever a node answers, it is read or it is an UnreadableAnswer; nothing else is raised."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from nodes.podman.answer import UnreadableAnswer
from nodes.podman.containers import parse_container_detail, parse_containers
from nodes.podman.events import changes_containers
from nodes.podman.info import parse_info
from nodes.podman.processes import parse_processes
from nodes.podman.sockets import parse_taken_ports
from tests.fake_host import recorded
from tests.unit.builders import COUNTER_ID

PARSERS = {
    "ps.json": parse_containers,
    "inspect-counter.json": parse_container_detail,
    "info.json": parse_info,
}
HOSTILE = [
    None, True, -1, 10**400, 1e308, float("inf"), float("nan"), "", "x", "\ud800\0", [], [None],
    ["x"], [[]], {}, {"x": None}, {"x": ["x"]}, [{"x": "y"}],
]  # fmt: skip


def replaced(document: Any, value: Any) -> Iterator[Any]:
    """Give the document once for each of its places, with the value in that place."""
    yield value
    parts = document.items() if isinstance(document, dict) else enumerate(document)
    if not isinstance(document, dict | list):
        return
    for key, part in list(parts):
        inner = replaced(part, value) if isinstance(part, dict | list) else iter([value])
        for other in inner:
            whole = document.copy()
            whole[key] = other
            yield whole


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: repr(value)[:12])
@pytest.mark.parametrize("name", PARSERS)
def test_a_wrong_value_in_any_place_is_read_or_unreadable(name: str, value: Any) -> None:
    for document in replaced(json.loads(recorded(name)), value):
        with suppress(UnreadableAnswer):
            PARSERS[name](json.dumps(document))


@pytest.mark.parametrize("text", ["[" * 100_000, "9" * 5000, "{}", "7", '"x"', "[7]", "[[]]"])
@pytest.mark.parametrize("parse", PARSERS.values())
def test_a_document_of_another_form_is_unreadable(parse: Any, text: str) -> None:
    with pytest.raises(UnreadableAnswer):
        parse(text)


@pytest.mark.parametrize(
    "podman_id", ["../../etc", "", "7657bdea19a", "A" * 64, "a" * 65, COUNTER_ID + "\n", 7, None]
)
def test_an_id_that_is_none_is_unreadable(podman_id: object) -> None:
    with pytest.raises(UnreadableAnswer):
        parse_containers(json.dumps([{"Id": podman_id}]))
    detail = json.loads(recorded("inspect-counter.json"))
    detail[0]["Id"] = podman_id
    with pytest.raises(UnreadableAnswer):
        parse_container_detail(json.dumps(detail))


def test_short_and_whole_ids_are_ids() -> None:
    rows = parse_containers(json.dumps([{"Id": COUNTER_ID[:12]}, {"Id": COUNTER_ID}]))
    assert [row.podman_id for row in rows] == [COUNTER_ID[:12], COUNTER_ID]


def test_a_container_that_is_listed_twice_is_one() -> None:
    assert len(parse_containers(json.dumps([{"Id": COUNTER_ID}] * 2))) == 1


def test_texts_fit_the_columns_and_every_database() -> None:
    long = "x\0\ud800" * 1000
    row = {key: long for key in ("Image", "ImageID", "State", "Status", "PodName")}
    (container,) = parse_containers(
        json.dumps([{**row, "Id": COUNTER_ID, "Names": [long], "Labels": {"a": 1, "b": None}}])
    )
    assert len(container.name) == len(container.status) == len(container.pod) == 255
    assert (len(container.image), len(container.image_id), len(container.state)) == (512, 64, 32)
    assert "\0" not in container.name
    assert container.name.encode()
    assert container.labels == {"a": "1", "b": ""}


def test_a_table_that_holds_no_numbers_is_unreadable() -> None:
    with pytest.raises(UnreadableAnswer):
        parse_processes("PID RSS COMMAND\nx y z\n")
    with pytest.raises(UnreadableAnswer):
        parse_taken_ports("0: nonsense 0 0A\n", "tcp")


@pytest.mark.parametrize("line", ["[" * 100_000, "7", "[]", "null", '{"Status": []}', "9" * 5000])
def test_an_event_that_is_not_understood_may_change_containers(line: str) -> None:
    assert changes_containers(line)
