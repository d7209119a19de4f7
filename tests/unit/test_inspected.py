"""What Podman says of a container, in a person's order and without a secret."""

from __future__ import annotations

import json
from typing import Any

import pytest

from nodes.podman.answer import UnreadableAnswer
from nodes.podman.inspected import Inspected, parse_environment, parse_inspected
from tests.fake_host import recorded


def counter(**changes: Any) -> dict[str, Any]:
    raw: dict[str, Any] = json.loads(recorded("inspect-counter.json"))[0]
    for name, values in changes.items():
        raw[name] = {**raw[name], **values} if isinstance(values, dict) else values
    return raw


def told(inspected: Inspected) -> dict[str, list[str]]:
    return {row.name: row.values for section in inspected.sections for row in section.rows}


def test_the_parts_are_in_a_persons_order() -> None:
    inspected = parse_inspected(json.dumps([counter()]))
    titles = [section.title for section in inspected.sections]
    assert titles == ["Program", "State", "Networks", "Mounts", "Limits and rights"]
    rows = told(inspected)
    assert rows["Command"] == ["counter 64 100 8080"]
    assert rows["podman"][0] == "10.88.0.2/16"
    assert rows["/data"] == ["volume counter-data", "read and write"]
    assert rows["Log driver"] == ["k8s-file"]
    assert rows["Started"] == ["2026-11-24 02:27:57 UTC"]
    # What is not so, or never was, takes no room.
    assert not {"Finished", "Privileged", "Memory", "Out of memory"} & rows.keys()


def test_limits_and_rights_are_told() -> None:
    host = {"Memory": 512 * 2**20, "NanoCpus": 1_500_000_000, "Privileged": True, "CapAdd": ["X"]}
    rows = told(parse_inspected(json.dumps([counter(HostConfig={**host, "AutoRemove": True})])))
    assert (rows["Memory"], rows["CPUs"]) == (["512 MiB"], ["1.5"])
    assert (rows["Capabilities added"], rows["When it stops"]) == (["X"], ["It is removed (--rm)"])


def test_values_of_the_environment_are_nowhere_but_where_they_are_asked_for() -> None:
    secret = {
        "Env": ["TOKEN=hunter2", "EMPTY=", "ODD"],
        "CreateCommand": ["podman", "run", "--env", "TOKEN=hunter2"],
    }
    text = json.dumps([counter(Config=secret)])
    inspected = parse_inspected(text)
    assert inspected.variables == ["TOKEN", "EMPTY", "ODD"]
    assert "hunter2" not in str(inspected)
    assert parse_environment(text) == [("TOKEN", "hunter2"), ("EMPTY", ""), ("ODD", "")]


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "[1]", '[{"Config": 7}]', '[{"Config": {"Env": 7}}]', '[{"Mounts": [7]}]'],
)
def test_an_answer_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(UnreadableAnswer):
        parse_inspected(text)
