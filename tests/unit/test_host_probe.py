"""One script asks a host everything; its answer is taken apart by a mark that nobody can guess."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path

import pytest

from nodes.host.facts import RunningContainer
from nodes.host.probe import CRIU_FEATURES, Section, parse_probe, probe_argv
from nodes.host.read_facts import parse_facts
from nodes.podman.answer import UnreadableAnswer
from tests.fake_host import recorded
from tests.unit.builders import COUNTER_ID
from tests.unit.probes import (
    BARE,
    FAILING,
    MARK,
    OLDER,
    READY,
    answered,
    printed,
    probe_answer,
    sections_of,
)

ENDED = {"ended": answered("1795563914.9\n")}


@pytest.mark.parametrize("name", [READY, OLDER, FAILING, BARE])
def test_a_host_answers_each_question(name: str) -> None:
    sections = sections_of(name)
    assert {f"feature {feature}" for feature in CRIU_FEATURES} <= set(sections)
    first, *_, last = sections
    assert (first, last) == ("began", "ended")


def test_a_section_is_what_a_command_printed_and_how_it_ended() -> None:
    sections = sections_of(READY)
    assert sections["criu"] == Section(text="Version: 4.2.1\n", exit_status=0)
    assert sections["libcriu"] == Section(text="", exit_status=1)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "a",
        "a\n",
        "\n\na\n\n",
        "a\r\nb\r\n",
        "\x0c \u2028 \x85",
        "x" * 1_000_000,
        "a mark end 0",
        "mark end\nmark end x\nmark end 0 x",
        "ferry-0 end 0\nferry-0 begin user\n1000\n\nferry-0 end 0",
    ],
    ids=lambda text: repr(text)[:20],
)
def test_a_text_comes_back_to_the_letter(text: str) -> None:
    sections = {"user": answered("0\n"), "file /etc/x.conf": answered(text), **ENDED}
    assert parse_probe(printed(sections), MARK) == sections


def test_what_a_login_prints_before_is_no_answer() -> None:
    said = probe_answer(READY)
    assert parse_probe(f"Welcome to alder!\n{said}", MARK) == parse_probe(said, MARK)


def test_an_answer_that_broke_off_is_unreadable() -> None:
    said = probe_answer(READY)
    for length in [*range(0, len(said), 97), len(said) - len("0\n")]:
        with pytest.raises(UnreadableAnswer):
            parse_probe(said[:length], MARK)


@pytest.mark.parametrize("mark", ["ferry-0", ".*", "", "(mark)"])
def test_marks_of_another_call_part_nothing(mark: str) -> None:
    with pytest.raises(UnreadableAnswer):
        parse_probe(probe_answer(READY), mark)


def test_a_status_that_is_no_number_of_this_world_is_unreadable() -> None:
    said = printed({"user": answered("0\n"), **ENDED}).replace("end 0", f"end {'9' * 5000}")
    with pytest.raises(UnreadableAnswer):
        parse_probe(said, MARK)


@pytest.mark.parametrize(
    "section, said",
    [(answered(" 0\n"), "0"), (answered("not found\n", 127), ""), (answered("0", 1), "")],
)
def test_only_what_a_command_that_worked_printed_counts(section: Section, said: str) -> None:
    assert section.said == said


PODMAN = """#!/bin/sh
case $* in
  --version) echo podman version 5.8.6;;
  info*) echo 'level=warning msg="a warning"' >&2; cat "$0.json";;
  ps*) echo COUNTER;;
  *COUNTER) echo counter cgroupfs runc;;
esac
"""


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    """A folder in the place of /etc/containers."""
    (tmp_path / "etc" / "containers.conf.d").mkdir(parents=True)
    return tmp_path / "etc"


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """Put a Podman on the path that answers as alder's, with its store in ``tmp_path``."""
    folder = tmp_path / "bin"
    folder.mkdir()
    info = json.loads(recorded("info.json"))
    info["store"]["graphRoot"] = str(tmp_path)
    (folder / "podman.json").write_text(json.dumps(info, indent=2))
    (folder / "podman").write_text(PODMAN.replace("COUNTER", COUNTER_ID))
    (folder / "podman").chmod(0o755)
    return folder


def probe_this_machine(programs: Path, etc: Path) -> dict[str, Section]:
    argv = [part.replace("/etc/containers", str(etc)) for part in probe_argv(MARK)]
    path = f"{programs}:{os.environ['PATH']}"
    done = subprocess.run(argv, env={"PATH": path}, capture_output=True, check=True)
    return dict(parse_probe(done.stdout.decode(), MARK))


def test_the_script_asks_podman_for_its_store_and_its_running_containers(
    programs: Path, etc: Path, tmp_path: Path
) -> None:
    asked_at = time.time()
    sections = probe_this_machine(programs, etc)
    facts = parse_facts(sections, asked_at=asked_at, heard_at=time.time())
    here = os.statvfs(tmp_path)
    assert facts.podman_problem == ""
    assert facts.info.graph_root == str(tmp_path)
    assert facts.graph_root_free_bytes == pytest.approx(here.f_bavail * here.f_frsize, rel=0.05)
    assert facts.containers == (
        RunningContainer(name="counter", cgroup_manager="cgroupfs", runtime="runc"),
    )
    # Here both clocks are the same.
    assert abs(facts.clock_offset_s) <= facts.clock_error_s + 0.001


def test_the_script_tells_what_a_podman_that_fails_says(programs: Path, etc: Path) -> None:
    (programs / "podman").write_text("#!/bin/sh\necho Error: no locks >&2\nexit 125\n")
    sections = probe_this_machine(programs, etc)
    assert sections["podman-info"] == Section(text="Error: no locks\n", exit_status=125)
    assert sections["podman"] == Section(text="Error: no locks\n", exit_status=125)
    assert not {"graph-root", "containers"} & set(sections)


def test_the_script_reads_the_configuration_in_podmans_order(programs: Path, etc: Path) -> None:
    texts = {
        "containers.conf": "[engine]\r\n",
        "containers.conf.d/10-a.conf": "# no line's end",
        "containers.conf.d/9-b.conf": "",
    }
    for name, text in texts.items():
        (etc / name).write_bytes(text.encode())
    (etc / "containers.conf.d" / "readme.txt").write_text("Podman does not read this.")
    sections = probe_this_machine(programs, etc)
    found = {name: each.text for name, each in sections.items() if name.startswith("file ")}
    assert found == {f"file {etc}/{name}": text for name, text in texts.items()}
    assert list(found) == [f"file {etc}/{name}" for name in texts]
