"""Recorded answers of the probe, asked with the mark "mark", and what a host might answer instead.

A lab host answered each: ready; with CRIU 4.1.1 and containers.conf of its own; with a Podman that
does not start; without Podman.
"""

from __future__ import annotations

from collections.abc import Mapping

from nodes.host.facts import HostFacts
from nodes.host.probe import Section, parse_probe
from nodes.host.read_facts import parse_facts
from tests.fake_host import RECORDED

MARK = "mark"
READY = "5.8.6/probe-forky.txt"
OLDER = "5.4.2/probe-trixie.txt"
FAILING = "5.4.2/probe-trixie-podman-fails.txt"
BARE = "no-podman/probe-forky.txt"
# What the clock of READY said first.
READY_BEGAN = 1795563914.418571253


def probe_answer(name: str) -> str:
    return (RECORDED.parent / name).read_text()


def sections_of(name: str) -> dict[str, Section]:
    return dict(parse_probe(probe_answer(name), MARK))


def facts_of(
    sections: Mapping[str, Section], *, asked_at: float = READY_BEGAN, heard_at: float = READY_BEGAN
) -> HostFacts:
    return parse_facts(sections, asked_at=asked_at, heard_at=heard_at)


def recorded_facts(name: str) -> HostFacts:
    """Return what the host told, its clock taken for the site's."""
    sections = sections_of(name)
    began_at, ended_at = (float(sections[each].said) for each in ("began", "ended"))
    return facts_of(sections, asked_at=began_at, heard_at=ended_at)


def answered(text: str, exit_status: int = 0) -> Section:
    return Section(text=text, exit_status=exit_status)


def ready_but(**changes: Section) -> HostFacts:
    """Return what a ready host tells whose sections are these; `_` stands for `-` in a name."""
    return facts_of(
        sections_of(READY) | {name.replace("_", "-"): each for name, each in changes.items()}
    )


def printed(sections: Mapping[str, Section]) -> str:
    """Return these sections as the probe's script prints them."""
    return "".join(
        f"{MARK} begin {name}\n{section.text}\n{MARK} end {section.exit_status}\n"
        for name, section in sections.items()
    )
