"""The site serves only once its catalog is in order, and says why if it cannot be."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from migrationsite.lifespan import Lifespan
from nodes.inventory.fleet import fleet
from nodes.operations.engine import engine
from nodes.operations.engine_lock import AnotherEngine, engine_lock
from nodes.operations.scheduler import scheduler

pytestmark = pytest.mark.django_db(transaction=True)


class Server:
    """What uvicorn does at its start and its end."""

    def __init__(self) -> None:
        self._sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._said: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        site: Any = Lifespan()
        self.site = asyncio.create_task(site({}, self._said.get, self._sent.put))

    async def say(self, message: str) -> dict[str, Any]:
        await self._said.put({"type": f"lifespan.{message}"})
        return await asyncio.wait_for(self._sent.get(), 5)


@pytest.fixture
async def server(settings: Any, archives_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    settings.FERRY_BACKGROUND = True
    for work in (fleet, engine, scheduler):
        monkeypatch.setattr(work, "run", asyncio.Event().wait)
    return Server()


async def test_what_a_killed_site_left_is_gone_before_the_first_request(
    server: Server, archives_folder: Path
) -> None:
    leftover = archives_folder / "incoming" / ("0" * 32)
    leftover.parent.mkdir(parents=True)
    leftover.write_bytes(b"half of it")
    assert await server.say("startup") == {"type": "lifespan.startup.complete"}
    assert not leftover.exists()
    assert await server.say("shutdown") == {"type": "lifespan.shutdown.complete"}
    await server.site


async def test_without_a_catalog_to_write_to_the_site_does_not_start(
    server: Server, archives_folder: Path
) -> None:
    archives_folder.write_text("a file where the folder belongs")
    answer = await server.say("startup")
    assert answer["type"] == "lifespan.startup.failed"
    assert str(archives_folder) in answer["message"]
    assert "start the site again" in answer["message"]
    await server.site


async def test_beside_another_engine_on_its_database_the_site_does_not_start(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def taken() -> None:
        raise AnotherEngine

    monkeypatch.setattr(engine_lock, "hold", taken)
    answer = await server.say("startup")
    assert answer["type"] == "lifespan.startup.failed"
    assert "set FERRY_ENGINE=procrastinate" in answer["message"]
