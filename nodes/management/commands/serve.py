"""Serve the site: bring the database up to date, make what a first start needs, run uvicorn."""

from __future__ import annotations

from typing import Any

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
