"""What a back-up says of itself, as its last member: without it the file is not whole."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from django.db import connections
from django.db.migrations.loader import MigrationLoader

from nodes.backup.errors import BackupError, BackupUnreadable

FORMAT = 1
NAME = "manifest.json"
SECRET_KEY = "secret_key"  # noqa: S105
ROWS = "rows/"
ARCHIVES = "archives/"
_MADE_BY = "ferry"


@dataclass(frozen=True)
class Member:
    size_bytes: int
    sha256: str


@dataclass
class Manifest:
    made_at: str
    schema: str
    with_archives: bool
    # Names of columns and numbers of rows, by the label of the model.
    columns: dict[str, list[str]] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    members: dict[str, Member] = field(default_factory=dict)
    # Names of archives whose file was gone, or not what it had been, when the back-up was made.
    left_out: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)

    @property
    def archive_count(self) -> int:
        """Return how many files of the catalog it holds."""
        return sum(name.startswith(ARCHIVES) for name in self.members)

    def as_json(self) -> bytes:
        told = {"made_by": _MADE_BY, "format": FORMAT, **asdict(self)}
        return json.dumps(told, indent=1, ensure_ascii=False).encode()

    @classmethod
    def parse(cls, data: bytes) -> Manifest:
        """Raises BackupUnreadable."""
        try:
            told: dict[str, Any] = json.loads(data)
            if (told.pop("made_by"), told.pop("format")) != (_MADE_BY, FORMAT):
                raise BackupUnreadable("Another program, or another version of Ferry, has made it.")
            members = {name: Member(**each) for name, each in told.pop("members").items()}
            return cls(**told, members=members)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise BackupUnreadable("Its manifest cannot be read.") from error

    def require_schema(self) -> None:
        """Raise BackupError unless this version of Ferry has the same tables."""
        here = schema()
        if self.schema != here:
            raise BackupError(
                "The back-up is of another version of Ferry. Nothing was changed.",
                cause=f"Its tables are of {self.schema}, those of this version of {here}.",
                remedy="Install the version that made it, restore it there, then upgrade.",
            )


def schema() -> str:
    """Return the name of the last migration of the site's own tables."""
    loader = MigrationLoader(connections["default"], ignore_no_migrations=True)
    return ", ".join(name for _, name in loader.graph.leaf_nodes("nodes"))
