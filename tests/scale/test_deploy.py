"""What deploy/ offers is what systemd takes, and what is there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.serving import ROOT

DEPLOY = ROOT / "deploy"


@pytest.mark.parametrize("unit", ["ferry", "ferry-web@", "ferry-worker@"])
def test_systemd_understands_every_line_of_a_unit(unit: str, tmp_path: Path) -> None:
    text = (DEPLOY / "systemd" / f"{unit}.service").read_text()
    copy = tmp_path / f"{unit}.service"
    # The program must be there to be verified.
    copy.write_text(text.replace("/opt/ferry/.venv/bin/python", sys.executable))

    verified = subprocess.run(
        ["systemd-analyze", "verify", copy], capture_output=True, text=True, check=False
    )

    told = [line for line in verified.stderr.splitlines() if unit in line]
    assert (verified.returncode, told) == (0, [])


def test_the_containerfile_takes_all_that_the_site_is_made_of() -> None:
    lines = (DEPLOY / "Containerfile").read_text().splitlines()
    copied = {line.split()[1] for line in lines if line.startswith("COPY")}
    missing = {name for name in copied if not (ROOT / name).exists()}
    assert missing == set()
    assert {"requirements.txt", "manage.py", "migrationsite", "nodes", "templates"} <= copied
    assert "static" in copied


def test_the_example_of_an_environment_is_a_site_in_many_processes(
    environment: dict[str, str], tmp_path: Path
) -> None:
    lines = (DEPLOY / "ferry.env.example").read_text().splitlines()
    example = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    example["FERRY_SECRET_KEY"] = "only for tests"
    example["FERRY_DATA_DIR"] = example["FERRY_ARCHIVES_DIR"] = str(tmp_path)
    assert set(environment) - {"FERRY_WATCH_WINDOW_S"} <= set(example)

    done = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=ROOT,
        env=example,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
