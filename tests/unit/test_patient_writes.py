"""A database that is away for a moment stops no operation; one that stays away does."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import OperationalError

from nodes.operations import patient_writes
from nodes.operations.patient_writes import PatientWrites
from nodes.operations.report import GivenAway


class Database:
    """Fail so many times, then answer."""

    def __init__(self, failures: float, then: Callable[[], object] = lambda: None) -> None:
        self.failures = failures
        self._then = then

    async def write(self) -> str:
        if self.failures > 0:
            self.failures -= 1
            self._then()
            raise OperationalError("the server closed the connection unexpectedly")
        return "written"


@pytest.fixture(autouse=True)
def no_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patient_writes, "_AGAIN_AFTER_S", 0.01)
    # There is no database here.
    monkeypatch.setattr(patient_writes, "close_old_connections", lambda: None)


async def test_a_write_is_done_again_until_the_database_is_back() -> None:
    assert await PatientWrites(lambda: False).write(Database(3).write) == "written"


async def test_a_database_that_stays_away_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patient_writes, "PATIENCE_S", 0.1)
    writes = PatientWrites(lambda: False)
    with pytest.raises(OperationalError):
        await writes.write(Database(float("inf")).write)


async def test_what_may_be_another_processs_by_then_is_not_written() -> None:
    given_away: list[bool] = []
    database = Database(1, then=lambda: given_away.append(True))
    with pytest.raises(GivenAway):
        await PatientWrites(lambda: bool(given_away)).write(database.write)
    assert database.failures == 0


async def test_nothing_waits_for_a_line_in_the_log() -> None:
    database = Database(1)
    await PatientWrites(lambda: False).try_to(database.write)
    assert database.failures == 0
