"""Run operations, and watch the nodes and the clock: any number of such processes, anywhere."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.management import BaseCommand, CommandError

from nodes.background import work_of_a_worker
from nodes.first_start import bring_up_to_date
from nodes.operations.engine_lock import AnotherEngine, engine_lock
from nodes.operations.worker import this_worker
from nodes.site_lock import BeingRestored, one_of_the_site


class Command(BaseCommand):
    help = (
        "Run operations, and watch the nodes and the clock, beside the processes that serve "
        "(FERRY_ENGINE=procrastinate, docs/scale.md)."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.FERRY_ENGINE != "procrastinate":
            raise CommandError(
                "The serving process runs operations itself. For workers beside it set "
                "FERRY_ENGINE=procrastinate (docs/scale.md)."
            )
        try:
            engine_lock.hold()
        except AnotherEngine as error:
            raise CommandError(str(error)) from None
        os.umask(0o077)
        try:
            with one_of_the_site():
                ended_well = asyncio.run(self._work())
        except BeingRestored as error:
            raise CommandError(f"{error.problem.message} {error.problem.remedy}") from error
        if not ended_well:
            raise CommandError("A part of the worker ended; the log says why. Start it again.")

    async def _work(self) -> bool:
        """Work until a signal comes; return False if a part of it ended by itself."""
        password = await sync_to_async(bring_up_to_date)()
        if password:
            self.stdout.write(f"First start: sign in as admin with the password {password}")
        stopped = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stopped.set)
        parts = [asyncio.create_task(work()) for work in work_of_a_worker()]
        waiting = asyncio.create_task(stopped.wait())
        self.stdout.write(f"Worker {this_worker()} is ready")
        self.stdout.flush()
        await asyncio.wait([waiting, *parts], return_when=asyncio.FIRST_COMPLETED)
        for part in (waiting, *parts):
            part.cancel()
        ended = await asyncio.gather(*parts, return_exceptions=True)
        for error in ended:
            if isinstance(error, Exception):
                self.stderr.write(f"{type(error).__name__}: {error}")
        return stopped.is_set()
