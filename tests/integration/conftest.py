"""Real hosts and a site that knows them: alder and birch, and elm and fir for who asks.

alder and birch are ready. elm has an older CRIU than its kernel needs, and fir has neither Podman
nor CRIU; both come up when the first test asks for them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.integration.site import Site
from tests.lab import Host, Lab, wait_until_it_counts
from tests.lab.instance import own_instance
from tests.serving import ServedSite, add_nodes

_WIPE = """
podman rm --all --force --time 0 >/dev/null
podman volume rm --all --force >/dev/null
podman rmi --all --force >/dev/null
rm -rf /var/lib/ferry /tmp/owned
"""


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    if os.geteuid() != 0:
        pytest.skip("the lab needs root")
    lab = Lab(own_instance())
    lab.up(["alder", "birch"])
    yield lab
    lab.down()


@pytest.fixture
def alder(lab: Lab) -> Iterator[Host]:
    with clean(lab.host("alder")) as host:
        yield host


@pytest.fixture
def birch(lab: Lab) -> Iterator[Host]:
    with clean(lab.host("birch")) as host:
        yield host


@contextmanager
def clean(host: Host) -> Iterator[Host]:
    host.reset_configuration()
    host.run(["sh", "-c", _WIPE])
    yield host
    host.mend()
    host.start_sshd()
    # Not only before: the next session's tests may be others.
    host.reset_configuration()


@pytest.fixture
def site(transactional_db: None, alder: Host, birch: Host, archives_folder: Path) -> Site:
    """Register both hosts as nodes of a site with an empty catalog."""
    archives_folder.mkdir()
    site = Site({})
    for host in (alder, birch):
        site.register(host)
    return site


@pytest.fixture(scope="session")
def old_host(lab: Lab) -> Host:
    """Start elm, whose CRIU 4.1 is too old for a kernel from 6.16 on."""
    return lab.up(["elm"], rootfs="trixie")["elm"]


@pytest.fixture
def elm(site: Site, old_host: Host) -> Iterator[Host]:
    with clean(old_host) as host:
        site.register(host)
        yield host


@pytest.fixture
def fir(lab: Lab, site: Site) -> Host:
    """Register a host fresh from its installation: its packages wait in apt's cache."""
    if "fir" in lab.hosts:
        lab.host("fir").wipe()
    host = lab.up(["fir"], rootfs="bare")["fir"]
    site.register(host)
    return host


@pytest.fixture
def counter(alder: Host) -> str:
    """Start the memory-integrity counter on alder with a volume and a published port."""
    container_id = alder.start_workload("counter", name="counter", memory_mib=64, port=8081)
    wait_until_it_counts(alder)
    return container_id


@pytest.fixture
def served(tmp_path: Path) -> Iterator[ServedSite]:
    site = ServedSite(tmp_path)
    site.start()
    yield site
    site.stop()


@pytest.fixture
def api(served: ServedSite, alder: Host, birch: Host) -> Iterator[httpx.Client]:
    """Add both hosts through the API, confirming the host key that the site shows."""
    with served.api() as api:
        add_nodes(api, alder, birch)
        yield api
