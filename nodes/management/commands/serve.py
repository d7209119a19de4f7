"""Serve the site: bring the database up to date, make what a first start needs, run uvicorn."""

from __future__ import annotations

import fcntl
import os
from typing import IO, Any

import uvicorn
from django.conf import settings
from django.core.management import BaseCommand, CommandError, call_command

from nodes.first_start import make_first_admin
from nodes.inventory.site_key import load_site_key


class Command(BaseCommand):
    help = "Serve the site at FERRY_LISTEN (default 127.0.0.1:8000) with all its background work."

    def handle(self, *args: Any, **options: Any) -> None:
        host, _, port = settings.FERRY_LISTEN.rpartition(":")
        if not host or not port.isdigit():
            raise CommandError("FERRY_LISTEN must look like 127.0.0.1:8000")
        lock = self._lock_data_folder()
        os.umask(0o077)
        call_command("migrate", verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0)
        load_site_key()
        password = make_first_admin()
        if password:
            self.stdout.write(f"First start: sign in as admin with the password {password}")
            self.stdout.write("It is not shown again; change it on the account page.")
        self.stdout.write(f"Ferry is at http://{settings.FERRY_LISTEN}")
        uvicorn.run(
            "migrationsite.asgi:application",
            host=host.strip("[]"),
            port=int(port),
            loop="asyncio",
            lifespan="on",
            log_config=None,
            server_header=False,
            timeout_graceful_shutdown=10,
        )
        lock.close()

    def _lock_data_folder(self) -> IO[str]:
        """Make sure that no other process runs operations on the same data."""
        lock = (settings.FERRY_DATA_DIR / "serve.lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CommandError(
                f"Another Ferry serves from {settings.FERRY_DATA_DIR}. Stop it first, or set "
                "FERRY_DATA_DIR to another folder."
            ) from None
        return lock
