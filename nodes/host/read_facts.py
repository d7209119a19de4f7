"""Read the answer of the probe into facts; what a host says is never trusted to be well-formed."""

from __future__ import annotations

import json
import math
import re
import shlex
from collections.abc import Mapping

from nodes.criu.check import LOOKS_GOOD, parse_version
from nodes.host.facts import CAPABILITIES, ConfigFile, HostFacts, RunningContainer
from nodes.host.probe import CRIU_FEATURES, NOTHING, Section
from nodes.podman.answer import reading, text_of
from nodes.podman.info import HostInfo, parse_info

_KIB = 1024
_NOT_FOUND_STATUS = 127
_SHOWN_CHARS = 2000
_FILE = "file "
_FEATURE = "feature "
# As `podman info` spells them (GOARCH).
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


class _Answers:
    """The sections, each cut to what may be shown."""

    def __init__(self, sections: Mapping[str, Section]) -> None:
        self.sections = sections

    def section(self, name: str) -> Section:
        return self.sections.get(name, NOTHING)

    def said(self, name: str) -> str:
        return text_of(self.section(name).said, _SHOWN_CHARS)

    def printed(self, name: str) -> str:
        section = self.section(name)
        # timeout's own words are about itself.
        text = "not found" if section.exit_status == _NOT_FOUND_STATUS else section.text.strip()
        return text_of(text, _SHOWN_CHARS)


@reading("the host's probe")
def parse_facts(sections: Mapping[str, Section], *, asked_at: float, heard_at: float) -> HostFacts:
    """Read the sections; the times are the site's clock before and after the one round trip.

    Raises UnreadableAnswer.
    """
    answers = _Answers(sections)
    said = answers.said
    os_release = _os_release(said("os"))
    info, problem = _info(answers)
    check = answers.section("criu-check")
    offset_s, error_s = _clock(answers, asked_at, heard_at)
    return HostFacts(
        info=info or _without_podman(answers),
        podman_problem=problem,
        distribution=os_release.get("PRETTY_NAME", ""),
        distribution_ids=(
            os_release.get("ID", ""),
            *os_release.get("ID_LIKE", "").split(),
            os_release.get("PLATFORM_ID", ""),
        ),
        uid=int(said("user") or -1),
        capabilities=_capabilities(said("capabilities")),
        criu_version=parse_version(said("criu")),
        criu_check=answers.printed("criu-check"),
        criu_check_passed=check.exit_status == 0 and LOOKS_GOOD in check.text,
        criu_check_all=answers.printed("criu-check-all"),
        criu_features=_features(answers),
        runc_version=_first_version(said("runc")),
        crun_version=_first_version(said("crun")),
        crun_has_criu="+CRIU" in said("crun"),
        has_libcriu=bool(said("libcriu")),
        conmon_version=_first_version(said("conmon")),
        selinux=said("selinux").lower(),
        container_selinux_version=_first_version(said("container-selinux")),
        apparmor=said("apparmor") == "Y",
        staging_free_bytes=_free_bytes(said("staging")),
        graph_root_free_bytes=_free_bytes(said("graph-root")),
        memory_available_bytes=_memory_bytes(said("memory"), "MemAvailable"),
        cpu_flags=frozenset(text_of(answers.section("cpu").said).partition(":")[2].split()),
        tools=_tools(answers),
        config_files=_config_files(sections),
        containers=_containers(answers.section("containers").text),
        clock_offset_s=offset_s,
        clock_error_s=error_s,
    )


def _info(answers: _Answers) -> tuple[HostInfo | None, str]:
    section = answers.section("podman-info")
    # Podman's warnings come before and after its answer.
    start = re.search(r"^\{", section.text, re.MULTILINE)
    if section.exit_status == 0 and start:
        text = section.text[start.start() :]
        _, end = json.JSONDecoder().raw_decode(text)
        return parse_info(text[:end]), ""
    said = answers.printed("podman-info")
    return None, said or f"it ended with status {section.exit_status}"


def _without_podman(answers: _Answers) -> HostInfo:
    said = answers.said
    return HostInfo(
        podman_version=_first_version(said("podman")),
        runtime="",
        runtime_path="",
        runtime_version="",
        cgroup_manager="",
        cgroup_version="v2" if said("cgroup") == "cgroup2fs" else "v1",
        architecture=_ARCHITECTURES.get(said("machine"), said("machine")),
        kernel=said("kernel"),
        distribution="",
        hostname=said("hostname"),
        memory_total_bytes=_memory_bytes(said("memory"), "MemTotal"),
        cpus=int(said("cpus") or 0),
        rootless=False,
        graph_root="",
        graph_driver="",
    )


def _os_release(text: str) -> dict[str, str]:
    # os-release(5): values are quoted as in a shell.
    values = {}
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if equals:
            try:
                values[name] = " ".join(shlex.split(value))
            except ValueError:
                values[name] = value
    return values


def _capabilities(text: str) -> frozenset[str]:
    bits = int(text.partition(":")[2] or "0", 16)
    return frozenset(name for name, bit in CAPABILITIES.items() if bits >> bit & 1)


def _features(answers: _Answers) -> dict[str, bool]:
    asked = {name: answers.section(f"{_FEATURE}{name}") for name in CRIU_FEATURES}
    return {
        name: section.exit_status == 0
        for name, section in asked.items()
        if section.exit_status in (0, 1) and "Unknown feature" not in section.text
    }


def _first_version(text: str) -> str:
    match = re.search(r"\d+(?:\.\d+)+", text)
    return match.group(0) if match else ""


def _free_bytes(text: str) -> int:
    blocks, _, block_bytes = text.partition(" ")
    return int(blocks or 0) * int(block_bytes or 0)


def _memory_bytes(text: str, name: str) -> int:
    match = re.search(rf"^{name}:\s*(\d{{1,15}}) kB", text, re.MULTILINE)
    return int(match.group(1)) * _KIB if match else 0


def _tools(answers: _Answers) -> frozenset[str]:
    found = frozenset(answers.said("tools").split())
    return found if answers.said("gnu-tar") else found - {"tar"}


def _config_files(sections: Mapping[str, Section]) -> tuple[ConfigFile, ...]:
    return tuple(
        ConfigFile(path=text_of(name.removeprefix(_FILE)), text=section.text)
        for name, section in sections.items()
        if name.startswith(_FILE) and section.exit_status == 0
    )


def _containers(text: str) -> tuple[RunningContainer, ...]:
    rows = (line.split(" ") for line in text.splitlines())
    return tuple(
        RunningContainer(
            name=text_of(row[0], 255),
            cgroup_manager=text_of(row[1], 32),
            # A path where containers.conf names one.
            runtime=text_of(row[2].rpartition("/")[2], 64),
        )
        for row in rows
        if len(row) == 3
    )


def _clock(answers: _Answers, asked_at: float, heard_at: float) -> tuple[float, float]:
    # The host read its clock at its end of the way, between the site's two readings.
    most = float(answers.said("began")) - asked_at
    least = float(answers.said("ended")) - heard_at
    if not math.isfinite(most + least):
        raise ValueError("its clock tells no time")
    return (most + least) / 2, max((most - least) / 2, 0.0)
