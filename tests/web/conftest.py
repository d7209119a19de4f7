"""Three hosts for the batches: alder with containers, birch and cedar to take them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from nodes.models import Node
from tests.fake_host import FakeHost
from tests.web.batch_hosts import Fleet, empty, has_memory


@pytest.fixture
def fleet(start_host: Callable[[], FakeHost], node_of: Callable[..., Node]) -> Fleet:
    hosts = {name: start_host() for name in ("alder", "birch", "cedar")}
    for name, host in hosts.items():
        empty(host)
        has_memory(host, 4096)
        node_of(host, name)
    return Fleet(hosts)
