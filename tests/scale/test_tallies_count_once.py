"""An operation is counted once, also where a lease moves in the middle of a look."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.serving import ROOT

pytestmark = pytest.mark.integration


def test_two_processes_that_tally_at_once_count_an_operation_once(
    environment: dict[str, str],
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.scale.two_tallies"],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    # One before, one of both.
    assert done.stdout.strip() == "counted 2 times", done.stdout + done.stderr
