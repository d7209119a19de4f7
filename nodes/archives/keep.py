"""Give a received file its row, and keep what was read of it."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.db import close_old_connections, transaction

from nodes.archives.place import archive_store
from nodes.audit import audit
from nodes.catalog.contents import Contents
from nodes.catalog.errors import StoreError
from nodes.catalog.store import IncomingFile, Store
from nodes.models import (
    Archive,
    ArchiveOrigin,
    ArchiveSection,
    ContentsState,
    Operation,
    OperationState,
)
from nodes.problem import FerryError

logger = logging.getLogger(__name__)
TIDY_EVERY_S = 60.0
_NAME_CHARS = 255
_IMAGE_CHARS = 512
_ID_CHARS = 64


async def keep_tidy() -> None:
    """Tidy up after processes that were killed, until cancelled."""
    while True:
        try:
            await sync_to_async(_tidy_up_here, thread_sensitive=False)()
        except Exception:
            # Storage or a database that fails for a moment must not end it.
            logger.exception("tidying up the catalog's folder")
        await asyncio.sleep(TIDY_EVERY_S)


def _tidy_up_here() -> None:
    # The thread is any of a pool: it keeps no connection.
    close_old_connections()
    try:
        tidy_up(archive_store())
    finally:
        close_old_connections()


def tidy_up(store: Store) -> None:
    """Bring files and rows together again after a process was killed."""
    left = store.incoming_keys()
    rows = Archive.objects.filter(key__in=left).values_list("key", flat=True)
    under_way = Operation.objects.filter(state=OperationState.RUNNING)
    journals = under_way.values_list("journal", flat=True)
    store.prepare(set(rows), growing={journal.get("incoming_key") for journal in journals})


def keep_file(
    incoming: IncomingFile,
    *,
    contents: Contents | None = None,
    changes: dict[str, Any] | None = None,
    uploaded_by: User | None = None,
    **values: Any,
) -> Archive:
    """Write the row of a whole file, then move the file to its place. Raises StoreError."""
    stored = incoming.facts()
    with transaction.atomic():
        archive = Archive.objects.create(
            key=stored.key,
            sha256=stored.sha256,
            size_bytes=stored.size_bytes,
            compression=stored.compression,
            **values,
        )
        if contents is not None:
            save_contents(archive, contents)
        if changes is not None:
            # What the node listed; the archive itself does not tell added from changed.
            ArchiveSection.objects.create(archive=archive, name="changes", data=changes)
        if uploaded_by is not None:
            audit(uploaded_by, "archive.upload", archive, archive=archive.pk, sha256=archive.sha256)
    # In this order: a site that is killed in between finds the row, and moves the file.
    try:
        incoming.keep()
    except StoreError:
        archive.delete()
        raise
    return archive


def keep_upload(incoming: IncomingFile, contents: Contents, *, user: User, name: str) -> Archive:
    """Keep an archive that was made elsewhere, together with what it holds."""
    summary = contents.summary
    incoming.sync()
    return keep_file(
        incoming,
        contents=contents,
        uploaded_by=user,
        origin=ArchiveOrigin.UPLOAD,
        name=name,
        container_name=summary["container_name"][:_NAME_CHARS],
        container_podman_id=summary["container_id"][:_ID_CHARS],
        image=summary["image"][:_IMAGE_CHARS],
        image_id=summary["image_id"][:_ID_CHARS],
        node_name="",
    )


def save_contents(archive: Archive, contents: Contents) -> None:
    """Replace what is known of an archive's contents."""
    with transaction.atomic():
        archive.sections.filter(name__in=contents.sections).delete()
        ArchiveSection.objects.bulk_create(
            ArchiveSection(archive=archive, name=name, data=data)
            for name, data in contents.sections.items()
        )
        archive.contents_state = ContentsState.READ
        archive.contents_problem = ""
        archive.unpacked_bytes = contents.unpacked_bytes
        archive.memory_bytes = contents.summary["memory_bytes"]
        archive.save(
            update_fields=["contents_state", "contents_problem", "unpacked_bytes", "memory_bytes"]
        )


def save_unreadable(archive: Archive, error: FerryError) -> None:
    """Note why the contents of an archive of our own could not be read."""
    archive.contents_state = ContentsState.UNREADABLE
    archive.contents_problem = f"{error.problem.message} {error.problem.cause}".strip()
    archive.save(update_fields=["contents_state", "contents_problem"])
