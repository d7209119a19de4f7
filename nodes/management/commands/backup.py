"""Write everything that the site knows into one file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser

from nodes.backup.errors import BackupError
from nodes.backup.make import make_backup


class Command(BaseCommand):
    help = (
        "Write the site's rows and its secret key, and with --with-archives the catalog's files, "
        "into one file. The site may serve meanwhile. The file is a secret."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="a new file, by custom *.ferry.tar.zst")
        parser.add_argument("--with-archives", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        os.umask(0o077)
        path = options["file"].absolute()
        try:
            manifest = make_backup(path, with_archives=options["with_archives"])
        except BackupError as error:
            problem = error.problem
            raise CommandError(f"{problem.message} {problem.cause} {problem.remedy}") from error
        self.stdout.write(
            f"{path}: {sum(manifest.rows.values())} rows, {manifest.archive_count} archives, "
            f"{path.stat().st_size} bytes."
        )
        self.stdout.write(
            "It holds the site's secret key, and with it the SSH key to every node: keep it as "
            "safe as the nodes' root."
        )
        for name in manifest.left_out:
            self.stderr.write(f"{name} is not in it: its file is gone.")
        for name in manifest.damaged:
            self.stderr.write(f"{name} is in it, but is not what it was: verify it.")
