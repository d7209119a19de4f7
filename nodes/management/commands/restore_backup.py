"""Make the site of a back-up again."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser

from nodes.backup.errors import BackupError
from nodes.backup.restore import restore_backup


class Command(BaseCommand):
    help = (
        "Put a back-up in the place of this site, which must be empty and stopped. The database "
        "may be another one than that of the back-up."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--replace", action="store_true", help="lose all that this site knows now"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        os.umask(0o077)
        try:
            restored = restore_backup(options["file"].absolute(), replace=options["replace"])
        except BackupError as error:
            problem = error.problem
            raise CommandError(f"{problem.message} {problem.cause} {problem.remedy}") from error
        manifest = restored.manifest
        told = [
            f"The site is as it was at {manifest.made_at}: {sum(manifest.rows.values())} rows, "
            f"{manifest.archive_count} archives.",
            "Make sure that the former site does not run any more before you start this one.",
        ]
        if restored.cancelled:
            told.append(f"{restored.cancelled} operations that were queued are cancelled.")
        if restored.unknown:
            told.append(
                f"{restored.unknown} operations were under way: nothing is done about them until "
                "somebody has looked at the nodes; their pages say what to do."
            )
        if restored.missing:
            told.append(f"{restored.missing} archives have no file here, and are marked missing.")
        if restored.unlisted:
            told.append(
                f"{restored.unlisted} files in the catalog's folder belong to no archive of the "
                "back-up; they were left there."
            )
        for line in told:
            self.stdout.write(line)
