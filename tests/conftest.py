"""The cast: users vera (viewer), oscar (operator) and ada (admin); hosts alder and birch."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django.fixtures import Settings

from nodes.inventory.site_key import load_site_key
from nodes.models import ApiToken, Container, Node
from nodes.models.role import Role
from tests.factories import make_container, make_node, make_user
from tests.fake_host import FakeHost, ServerLoop


@pytest.fixture(autouse=True)
def files_as_before() -> Iterator[None]:
    """Undo the umask that the site's commands set for the whole of their process."""
    before = os.umask(0o022)
    os.umask(before)
    yield
    os.umask(before)


@pytest.fixture
def vera(db: None) -> User:
    return make_user("vera", Role.VIEWER)


@pytest.fixture
def oscar(db: None) -> User:
    return make_user("oscar", Role.OPERATOR)


@pytest.fixture
def ada(db: None) -> User:
    return make_user("ada", Role.ADMIN)


def browser_of(user: User | None, *, csrf: bool = False) -> Client:
    """Return a browser in which the user is signed in."""
    client = Client(enforce_csrf_checks=csrf)
    if user is not None:
        client.force_login(user)
    return client


def program_of(user: User) -> Client:
    """Return an API client with a new token of the user."""
    _, token = ApiToken.issue(user, "tests")
    return Client(headers={"authorization": f"Bearer {token}"})


@pytest.fixture
def adas_browser(ada: User) -> Client:
    return browser_of(ada)


@pytest.fixture
def adas_program(ada: User) -> Client:
    return program_of(ada)


@pytest.fixture
def oscars_browser(oscar: User) -> Client:
    return browser_of(oscar)


@pytest.fixture
def oscars_program(oscar: User) -> Client:
    return program_of(oscar)


@pytest.fixture
def archives_folder(tmp_path: Path, settings: Settings) -> Path:
    """Give this test a catalog of its own."""
    settings.FERRY_ARCHIVES_DIR = settings.SENDFILE_ROOT = tmp_path / "archives"
    return tmp_path / "archives"


@pytest.fixture(scope="session")
def server_loop() -> Iterator[ServerLoop]:
    loop = ServerLoop()
    yield loop
    loop.stop()


@pytest.fixture
def start_host(server_loop: ServerLoop) -> Iterator[Callable[[], FakeHost]]:
    """Start SSH servers that know nobody yet."""
    hosts: list[FakeHost] = []

    def start() -> FakeHost:
        host = FakeHost(server_loop)
        host.start()
        hosts.append(host)
        return host

    yield start
    for host in hosts:
        host.stop()


@pytest.fixture
def fake_host(start_host: Callable[[], FakeHost]) -> FakeHost:
    return start_host()


@pytest.fixture
def node_of(db: None) -> Callable[..., Node]:
    """Register a fake host as a node that lets the site in."""

    def register(host: FakeHost, name: str = "alder", **values: object) -> Node:
        host.authorized_keys.append(load_site_key().public_key)
        return make_node(name, port=host.port, host_key=host.host_key, **values)

    return register


@pytest.fixture
def counter(db: None) -> Container:
    """Return a container on alder; birch is there too. Neither can be reached."""
    make_node("birch")
    return make_container(make_node("alder"))
