"""Two real hosts, alder and birch, and a site that knows them."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from django.conf import settings

from nodes.inventory.site_key import load_site_key
from nodes.models import Node
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
    yield from _clean(lab.host("alder"))


@pytest.fixture
def birch(lab: Lab) -> Iterator[Host]:
    yield from _clean(lab.host("birch"))


def _clean(host: Host) -> Iterator[Host]:
    host.run(["sh", "-c", _WIPE])
    yield host
    host.mend()
    host.start_sshd()


@pytest.fixture
def site(transactional_db: None, alder: Host, birch: Host, tmp_path_factory) -> Site:  # type: ignore[no-untyped-def]
    """Register both hosts as nodes of a site with an empty catalog."""
    settings.FERRY_ARCHIVES_DIR = tmp_path_factory.mktemp("archives")
    settings.SENDFILE_ROOT = settings.FERRY_ARCHIVES_DIR
    public_key = load_site_key().public_key
    for host in (alder, birch):
        host.authorize(public_key)
        Node.objects.create(
            name=host.name, host=host.address, port=host.port, host_key=host.host_key
        )
    return Site({"alder": alder, "birch": birch})


@pytest.fixture
def counter(alder: Host) -> str:
    """Start the memory-integrity counter on alder with a volume and a published port."""
    container_id = alder.start_workload("counter", name="counter", memory_mib=64, port=8081)
    wait_until_it_counts(alder)
    return container_id
