"""Take an archive that somebody uploads: name it, refuse what is none or here already, keep it."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from asgiref.sync import sync_to_async
from django.contrib.auth.models import User

from nodes.archives.change import NAME_CHARS
from nodes.archives.errors import AlreadyInCatalog, NoSuchUpload
from nodes.archives.keep import keep_upload
from nodes.archives.room import Promise, reserve_bytes, room
from nodes.catalog.contents import Contents
from nodes.catalog.members import Limits
from nodes.catalog.store import IncomingFile, Store
from nodes.models import Archive

_SUFFIX = re.compile(r"(\.tar)?(\.(zst|zstd|gz|gzip))?(\.tar)?$", re.IGNORECASE)
_UNWANTED = re.compile(r"[^A-Za-z0-9_.-]+")
# Two uploads of the same bytes must not both find that they are the first.
_keeping = threading.Lock()
_under_way: set[asyncio.Future[Any]] = set()
Result = TypeVar("Result")


def receive_upload(store: Store, user: User, size_bytes: int) -> tuple[IncomingFile, Promise]:
    """Begin a file of up to ``size_bytes``, for which room is promised until it is released.

    Raises TooManyUploads, StoreFull where there is no room for it, and StoreError.
    """
    free_bytes = store.free_bytes() - reserve_bytes(store.folder)
    promise = room.promise(user.pk, size_bytes, free_bytes)
    try:
        return _receive(store), promise
    except BaseException:
        promise.release()
        raise


def _receive(store: Store) -> IncomingFile:
    incoming = store.receive()
    try:
        incoming.start_reading(Limits.for_uploads())
    except BaseException:
        incoming.discard()
        raise
    return incoming


async def end_upload(
    store: Store,
    incoming: IncomingFile,
    user: User,
    file_name: str,
    *,
    is_given_up: Callable[[], bool] = lambda: False,
) -> Archive:
    """Keep a file that is whole, or drop it; it is asked last whether it was given up.

    Raises ArchiveUnreadable, AlreadyInCatalog, NoSuchUpload if it was given up, and StoreError,
    after which nothing is left of it.
    """
    return await to_its_end(_end_upload(store, incoming, user, file_name, is_given_up))


async def _end_upload(
    store: Store,
    incoming: IncomingFile,
    user: User,
    file_name: str,
    is_given_up: Callable[[], bool],
) -> Archive:
    try:
        await incoming.end()
        contents = await incoming.contents()
        return await sync_to_async(_keep)(store, incoming, contents, user, file_name, is_given_up)
    except BaseException:
        incoming.discard()
        raise


async def to_its_end(work: Coroutine[Any, Any, Result]) -> Result:
    """Do work that must not stop half-way, even if whoever waits for it goes: a browser may."""
    task = asyncio.ensure_future(work)
    # The event loop itself would let go of it.
    _under_way.add(task)
    task.add_done_callback(_ended)
    return await asyncio.shield(task)


def _ended(task: asyncio.Future[Any]) -> None:
    _under_way.discard(task)
    if not task.cancelled():
        # Retrieved, so that asyncio does not complain where nobody waits any more.
        task.exception()


def _keep(
    store: Store,
    incoming: IncomingFile,
    contents: Contents,
    user: User,
    file_name: str,
    is_given_up: Callable[[], bool],
) -> Archive:
    with _keeping:
        for other in Archive.objects.filter(sha256=incoming.facts().sha256):
            # A row without its file is no reason to refuse the bytes.
            if store.path(other.key).is_file():
                raise AlreadyInCatalog(other)
        name = name_of_file(file_name) or name_of_file(contents.summary["container_name"])
        if is_given_up():
            raise NoSuchUpload
        return keep_upload(incoming, contents, user=user, name=name or "upload")


def name_of_file(file_name: str) -> str:
    """Return the archive's name for the name of a file; "" if nothing of it can be used."""
    stem = _SUFFIX.sub("", file_name.replace("\\", "/").rpartition("/")[2])
    return _UNWANTED.sub("-", stem).lstrip("-_.").rstrip("-")[:NAME_CHARS]
