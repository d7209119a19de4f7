"""The lab instances of the tests: one for each process that runs tests."""

from __future__ import annotations

import os


def own_instance(purpose: str = "") -> str:
    """Return the instance whose hosts this process's tests have to themselves.

    FERRY_TEST_INSTANCE (up to five letters) names them; pytest-xdist's processes add a letter.
    """
    chosen = os.environ.get("FERRY_TEST_INSTANCE", "test")
    worker = os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")
    letter = chr(ord("a") + int(worker)) if worker else ""
    return f"{chosen}{letter}{purpose}"
