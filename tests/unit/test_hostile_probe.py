"""Whatever a host answers to the probe, it is read and can be stored, or it is unreadable."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from nodes.host.checks import readiness_findings
from nodes.host.facts import HostFacts
from nodes.host.probe import Section, parse_probe
from nodes.host.selftest_result import versions_of
from nodes.podman.answer import UnreadableAnswer
from tests.unit.probes import BARE, MARK, READY, answered, facts_of, printed, sections_of

FAKE_MARKS = "ferry-0 end 0\nferry-0 begin ended\n0\n\nferry-0 end 0"
HOSTILE = {
    "nothing": "",
    "NUL": "a\0b \0 \0\n: \0",
    "lone surrogate": "a\ud800 b\udfff c\n: \ud800",
    "endless number": "9" * 5000,
    "two long numbers": f"{'9' * 990} {'9' * 990}",
    "long number of bytes": f"MemTotal: {'9' * 900} kB\nMemAvailable: {'9' * 900} kB",
    "negative": "-1 -1",
    "huge float": "1e308",
    "other digits": "٤٢ ٤٢",
    "1 MB": "x" * 1_000_000,
    "1 MB of lines": "a b c\n" * 170_000,
    "nested JSON": "[" * 100_000,
    "nested objects": '{"host": ' * 20_000,
    "JSON of another form": '{"host": {"cpus": 1e400, "ociRuntime": [7]}}',
    "JSON of hostile texts": '{"host": {"kernel": "\\ud800", "ociRuntime": {"name": "\\u0000"}}}',
    "marks of another call": FAKE_MARKS,
    "controls": "\x01\x1b[31m\x7f\u202e\u2028\x85\x0c\r",
    "shell": "=\n='\nPRETTY_NAME='\"\n$(reboot)`reboot`\\",
}


CLOCK = {"began", "ended"}
ENDLESS = "9" * 5000


# What they print is shown even where they fail.
SHOWN = ["criu-check", "criu-check-all", "podman-info"]


def answers_with(text: str) -> Iterator[dict[str, Section]]:
    """Give the answers of two hosts with the text in each section in turn."""
    for name in (READY, BARE) if len(text) < 100_000 else (READY,):
        sections = sections_of(name)
        for changed in {*sections, "containers", "file /etc/containers/x.conf"} - CLOCK:
            yield sections | {changed: answered(text)}
        for changed in SHOWN:
            yield sections | {changed: answered(text, 1)}


def texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in [*value, *value.values()] if isinstance(value, dict) else value:
            yield from texts_in(part)


def require_storable(facts: HostFacts) -> None:
    findings = [finding.as_dict() for finding in readiness_findings(facts)]
    kept = json.dumps([facts.as_dict(), versions_of(facts), findings], allow_nan=False)
    for text in texts_in(json.loads(kept)):
        assert text.replace("\0", "").encode().decode() == text


def read(sections: dict[str, Section]) -> HostFacts | None:
    try:
        return facts_of(parse_probe(printed(sections), MARK))
    except UnreadableAnswer:
        return None


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_text_in_any_section_is_read_or_unreadable(text: str) -> None:
    read_facts = [facts for sections in answers_with(text) if (facts := read(sections))]
    assert read_facts
    for facts in read_facts:
        require_storable(facts)


@pytest.mark.parametrize(
    "text",
    [
        *(text for text in ("nan", "inf", "-inf", ENDLESS)),
        "",
        "1795563914.%N",
        "0x1p3",
        "\ud800",
        "\0",
    ],
    ids=lambda text: repr(text)[:12],
)
@pytest.mark.parametrize("section", sorted(CLOCK))
def test_a_clock_that_is_no_number_is_unreadable(section: str, text: str) -> None:
    with pytest.raises(UnreadableAnswer):
        facts_of(sections_of(READY) | {section: answered(text)})


def test_a_section_cannot_be_another_one() -> None:
    """A host that does not know the mark cannot end its section and begin one of its choice."""
    sections = sections_of(READY) | {"hostname": answered(FAKE_MARKS.replace("ended", "user"))}
    facts = read(sections)
    assert facts is not None
    assert facts.uid == 0


@pytest.mark.parametrize("path", ["/etc/a\0b", "/etc/\ud800", "/etc/" + "x" * 100_000])
def test_a_hostile_name_of_a_file_can_be_shown(path: str) -> None:
    facts = facts_of(sections_of(READY) | {f"file {path}": answered("[engine")})
    require_storable(facts)
