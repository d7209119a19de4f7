"""Run an operation in a process of its own, on the test's database, to be killed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import connection

from nodes.models import Operation
from tests.serving import ROOT

_RUN = """
import asyncio, sys, django
django.setup()
from nodes.operations.runner import run_operation
asyncio.run(run_operation(int(sys.argv[1])))
"""


@contextmanager
def site_that_dies(operation: Operation) -> Iterator[subprocess.Popen[bytes]]:
    """Start the operation; its process is killed, as by a power cut, when the block is left."""
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "migrationsite.settings",
        "DATABASE_URL": f"sqlite:///{connection.settings_dict['NAME']}",
        "FERRY_DATA_DIR": str(settings.FERRY_DATA_DIR),
    }
    process = subprocess.Popen(
        [sys.executable, "-c", _RUN, str(operation.pk)], cwd=ROOT, env=environment
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
