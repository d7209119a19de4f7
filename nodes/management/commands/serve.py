"""Serve the site: bring the database up to date, make what a first start needs, run uvicorn."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from typing import IO, Any

import uvicorn
from django.conf import settings
from django.core.management import BaseCommand, CommandError

from nodes.data_lock import lock_data_folder
from nodes.first_start import bring_up_to_date
from nodes.operations.engine_lock import AnotherEngine, engine_lock
from nodes.site_lock import BeingRestored, one_of_the_site


class Command(BaseCommand):
    help = (
        "Serve the site at FERRY_LISTEN (default 127.0.0.1:8000), with all its background work "
        "unless FERRY_ENGINE leaves that to workers."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        host, _, port = settings.FERRY_LISTEN.rpartition(":")
        if not host or not port.isdigit():
            raise CommandError("FERRY_LISTEN must look like 127.0.0.1:8000")
        lock: AbstractContextManager[object] = nullcontext()
        if settings.FERRY_ENGINE == "embedded":
            # With workers any number of processes may serve.
            lock = self._lock()
            _require_own_database()
        try:
            with lock, one_of_the_site():
                self._serve(host.strip("[]"), int(port))
        except BeingRestored as error:
            raise CommandError(f"{error.problem.message} {error.problem.remedy}") from error

    def _serve(self, host: str, port: int) -> None:
        os.umask(0o077)
        password = bring_up_to_date(static_files=True)
        if password:
            self.stdout.write(f"First start: sign in as admin with the password {password}")
            self.stdout.write("It is not shown again; change it on the account page.")
        self.stdout.write(f"Ferry is at http://{settings.FERRY_LISTEN}")
        uvicorn.run(
            "migrationsite.asgi:application",
            host=host,
            port=port,
            loop="asyncio",
            lifespan="on",
            log_config=None,
            server_header=False,
            timeout_graceful_shutdown=10,
        )

    def _lock(self) -> IO[str]:
        """Make sure that no other process runs operations on the same data."""
        if (lock := lock_data_folder()) is None:
            raise CommandError(
                f"Another Ferry serves from {settings.FERRY_DATA_DIR}. Stop it first, or set "
                "FERRY_DATA_DIR to another folder."
            )
        return lock


def _require_own_database() -> None:
    """Make sure that no other process runs operations on the same rows, wherever it is."""
    try:
        engine_lock.hold()
    except AnotherEngine as error:
        raise CommandError(str(error)) from None
