"""A site and two hosts of their own, which live through all the cells."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.faults.ground import Ground, open_ground
from tests.lab.instance import own_instance


@pytest.fixture(scope="session")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    if os.geteuid() != 0:
        pytest.skip("the lab needs root")
    # Not the other tests' hosts: these have small disks, and programs that can be held.
    with open_ground(own_instance("ft"), tmp_path_factory.mktemp("faults")) as ground:
        yield ground
