"""Real hosts and a site that knows them: alder and birch, and elm and fir for who asks.

alder and birch are ready. elm has an older CRIU than its kernel needs, and fir has neither Podman
nor CRIU; both come up when the first test asks for them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.conf import settings

from tests.integration.site import Site
from tests.lab import Host, Lab, wait_until_it_counts

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
    lab = Lab(os.environ.get("FERRY_TEST_INSTANCE", "test"))
    lab.up(["alder", "birch"])
    yield lab
    lab.down()


@pytest.fixture
def alder(lab: Lab) -> Iterator[Host]:
    with _clean(lab.host("alder")) as host:
        yield host


@pytest.fixture
def birch(lab: Lab) -> Iterator[Host]:
    with _clean(lab.host("birch")) as host:
        yield host


@contextmanager
def _clean(host: Host) -> Iterator[Host]:
    host.reset_configuration()
    host.run(["sh", "-c", _WIPE])
    yield host
    host.mend()
    host.start_sshd()
    # Not only before: the next session's tests may be others.
    host.reset_configuration()


@pytest.fixture
def site(transactional_db: None, alder: Host, birch: Host, tmp_path_factory) -> Site:  # type: ignore[no-untyped-def]
    """Register both hosts as nodes of a site with an empty catalog."""
    settings.FERRY_ARCHIVES_DIR = tmp_path_factory.mktemp("archives")
    settings.SENDFILE_ROOT = settings.FERRY_ARCHIVES_DIR
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
    with _clean(old_host) as host:
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
