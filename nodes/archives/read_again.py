"""Read an archive's file again: for all that it holds, or for what is kept nowhere else."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.utils import timezone

from nodes.archives.files import limits_of
from nodes.archives.keep import save_contents, save_unreadable
from nodes.audit import audit
from nodes.catalog.environment import Environment, read_environment
from nodes.catalog.errors import ArchiveUnreadable
from nodes.catalog.index import read_contents
from nodes.models import Archive, AuditEvent

ONE_READING = timedelta(minutes=10)


def read_contents_again(archive: Archive, path: Path) -> None:
    """Replace what is known of its contents; blocks as long as reading the file takes.

    Raises ArchiveUnreadable, after having noted it.
    """
    try:
        with path.open("rb") as file:
            contents = read_contents(file, limits_of(archive))
    except ArchiveUnreadable as error:
        save_unreadable(archive, error)
        raise
    save_contents(archive, contents)


def note_log_read(user: AbstractBaseUser | AnonymousUser, archive: Archive) -> None:
    """Note that somebody has seen what the container wrote, once in a while for one archive.

    Whoever searches the log asks for it again with every letter.
    """
    seen = AuditEvent.objects.filter(
        action="archive.log",
        at__gte=timezone.now() - ONE_READING,
        user_name=user.get_username(),
        detail__archive=archive.pk,
    )
    if not seen.exists():
        audit(user, "archive.log", archive, archive=archive.pk)


def environment_of(
    archive: Archive, path: Path, pid: int, user: AbstractBaseUser | AnonymousUser
) -> Environment:
    """Return the variables of one process and their values, which are kept nowhere.

    Raises ArchiveUnreadable.
    """
    audit(user, "archive.environment", archive, archive=archive.pk, pid=pid)
    with path.open("rb") as file:
        return read_environment(file, pid)
