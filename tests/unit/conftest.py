"""What several unit tests need."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from nodes.ssh.key_pair import KeyPair, generate_key_pair
from tests.unit.ssh_server import SshServer


@pytest.fixture
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again at once after a lost connection, not after a second."""
    sleep = asyncio.sleep
    monkeypatch.setattr(asyncio, "sleep", lambda seconds: sleep(min(seconds, 0.02)))


@pytest.fixture
def key_pair() -> KeyPair:
    """The site's own key."""
    return generate_key_pair("ferry")


@pytest.fixture
async def server(tmp_path: Path, key_pair: KeyPair) -> AsyncIterator[SshServer]:
    server = SshServer(tmp_path / "alder", key_pair)
    await server.start()
    yield server
    await server.stop()
