"""Rename, note, tag, pin and delete archives."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.core.exceptions import ValidationError
from django.db import transaction

from nodes.archives.errors import ArchiveNeeded, InvalidChange
from nodes.audit import audit
from nodes.catalog.errors import StoreError
from nodes.catalog.store import Store
from nodes.models import Archive, Operation, Tag
from nodes.models.tag import checked_tags

Actor = AbstractBaseUser | AnonymousUser | None
# It becomes the name of the downloaded file.
NAME_PATTERN = r"[A-Za-z0-9][A-Za-z0-9_.-]*"
NAME_CHARS = 255
NOTE_CHARS = 10_000


def change_archive(user: Actor, archive: Archive, changes: Mapping[str, Any]) -> None:
    """Set name, note, pinned and tags, those of them that are given. Raises InvalidChange."""
    fields = {name: changes[name] for name in ("name", "note", "pinned") if name in changes}
    if "name" in fields:
        fields["name"] = checked_name(fields["name"])
    # Tags, rows and audit log tell the same, or nothing has changed.
    with transaction.atomic():
        if "tags" in changes:
            archive.tags.set(tags_named(changes["tags"]))
        for name, value in fields.items():
            setattr(archive, name, value)
        if fields:
            archive.save(update_fields=list(fields))
        audit(user, "archive.edit", archive, archive=archive.pk, changed=sorted(changes))


def checked_name(name: str) -> str:
    if len(name) > NAME_CHARS or not re.fullmatch(NAME_PATTERN, name):
        raise InvalidChange(
            "name",
            "Use up to 255 letters, digits, dots, dashes and underscores, starting with a letter "
            "or digit.",
        )
    return name


def tags_named(names: Iterable[str]) -> list[Tag]:
    """Return the tags of these names, new ones where needed. Raises InvalidChange."""
    try:
        wanted = checked_tags(names)
    except ValidationError as error:
        raise InvalidChange("tags", error.messages[0]) from error
    return [Tag.objects.get_or_create(name=name)[0] for name in wanted]


def add_tag(user: Actor, archives: Iterable[Archive], name: str) -> None:
    """Put one more tag on each. Raises InvalidChange, after which none of them has it."""
    with transaction.atomic():
        for archive in archives:
            names = {tag.name for tag in archive.tags.all()}
            if name not in names:
                change_archive(user, archive, {"tags": names | {name}})


def remove_tag(user: Actor, archives: Iterable[Archive], name: str) -> None:
    with transaction.atomic():
        for archive in archives:
            names = {tag.name for tag in archive.tags.all()}
            if name in names:
                change_archive(user, archive, {"tags": names - {name}})


def pin(user: Actor, archives: Iterable[Archive], *, pinned: bool) -> None:
    """Keep the archives from being deleted, or let them be again."""
    with transaction.atomic():
        for archive in archives:
            if archive.pinned != pinned:
                change_archive(user, archive, {"pinned": pinned})


def why_not_delete(archive: Archive) -> str:
    if archive.pinned:
        return "The archive is pinned. Unpin it first."
    if Operation.objects.unfinished().filter(archive=archive).exists():
        return "An operation still needs the archive."
    return ""


def delete_archive(
    user: Actor, archive: Archive, store: Store, *, action: str = "archive.delete", **told: Any
) -> None:
    """Delete an archive's row and file; what is gone already is fine.

    ``action`` and ``told`` are what the audit log says of it. Raises ArchiveNeeded while it is
    pinned or an operation needs it, and StoreError if the file cannot be deleted.
    """
    with transaction.atomic():
        # Locked: an operation that would need it begins before this, or finds it gone.
        present = Archive.objects.select_for_update().filter(pk=archive.pk).first()
        if present is None:
            return
        if obstacle := why_not_delete(present):
            raise ArchiveNeeded(obstacle)
        audit(user, action, present, archive=present.pk, sha256=present.sha256, **told)
        present.delete()
        # Last: whatever fails leaves a row that can be deleted again, never a file without one.
        _delete_file(store, archive.key)


def _delete_file(store: Store, key: str) -> None:
    try:
        store.delete(key)
    except OSError as error:
        raise StoreError(
            "The archive's file cannot be deleted.",
            cause=str(error),
            remedy="Give the site's user the right to write in the catalog's folder, then try "
            "again.",
        ) from error
