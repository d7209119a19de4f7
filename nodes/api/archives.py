"""The catalog: find, upload, look at, note, verify, download and delete archives."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, cast

from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from ninja import Field, Router, Schema, Status
from ninja.pagination import paginate
from pydantic import ConfigDict

from nodes.api.auth import (
    archive_deleter,
    archive_editor,
    downloader,
    operator,
    uploader,
    viewer,
)
from nodes.api.pages import Pages
from nodes.api.problems import Unprocessable, problem_response
from nodes.api.schemas import ArchiveOut, ProblemOut
from nodes.archives import change
from nodes.archives.change import (
    NAME_CHARS,
    NAME_PATTERN,
    NOTE_CHARS,
    delete_archive,
)
from nodes.archives.errors import AlreadyInCatalog, ArchiveNeeded, InvalidChange, TooManyUploads
from nodes.archives.files import verify_archive as read_again
from nodes.archives.find import find_archives
from nodes.archives.place import archive_store
from nodes.catalog.errors import ArchiveUnreadable
from nodes.live import ping_archives
from nodes.models import Archive
from nodes.models.tag import MOST_TAGS, TAG_PATTERN
from nodes.views.archive import send_archive
from nodes.views.form_file import FormFile

router = Router(tags=["archives"])


class ArchivePatch(Schema):
    model_config = ConfigDict(extra="forbid")

    # It becomes the name of the downloaded file.
    name: str | None = Field(None, pattern=f"^{NAME_PATTERN}$", max_length=NAME_CHARS)
    note: str | None = Field(None, max_length=NOTE_CHARS)
    pinned: bool | None = None
    tags: list[Annotated[str, Field(pattern=TAG_PATTERN)]] | None = Field(
        None, max_length=MOST_TAGS
    )


class VerifiedOut(Schema):
    matches: bool
    sha256: str
    found_sha256: str
    readable: bool
    # "" when the file is what the catalog says, and its contents can be read.
    problem: str


@router.get("", auth=viewer, response=list[ArchiveOut])
@paginate(Pages)
def list_archives(
    request: HttpRequest,
    q: str = "",
    node: str = "",
    container: str = "",
    image: str = "",
    age: str = "",
    size: str = "",
    tag: str = "",
    pinned: str = "",
    origin: str = "",
    sort: str = "",
) -> Any:
    """Find archives, the newest first; a value that means nothing is as if it were not given.

    ``q`` is part of a name, container, image, node or note, or the beginning of a sha256; ``node``,
    ``container``, ``image`` and ``tag`` are whole names. ``age``: 24h, 7d, 30d, older. ``size``:
    more than 100MiB, 1GiB, 10GiB. ``pinned``: yes, no. ``origin``: checkpoint, upload. ``sort``:
    name, container, node, size, memory, made, with a dash before it the other way round.
    """
    filters = {
        "q": q,
        "node": node,
        "container": container,
        "image": image,
        "age": age,
        "size": size,
        "tag": tag,
        "pinned": pinned,
        "origin": origin,
    }
    return find_archives({**filters, "sort": sort}).prefetch_related("tags")


@router.post(
    "",
    auth=uploader,
    response={201: ArchiveOut, 409: ProblemOut, 422: ProblemOut, 429: ProblemOut, 507: ProblemOut},
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "required": ["file"],
                        "properties": {"file": {"type": "string", "format": "binary"}},
                    }
                }
            },
        }
    },
)
def upload_archive(request: HttpRequest) -> Any:
    """Keep a checkpoint archive that was made elsewhere: the file ``file`` of a multipart form."""
    file = FormFile(request, archive_store())
    request.upload_handlers = [file]
    try:
        archive = file.keep(request, cast(User, request.user))
    except AlreadyInCatalog as error:
        return problem_response(409, error.problem, extra={"archive": error.archive.pk})
    except ArchiveUnreadable as error:
        return problem_response(422, error.problem)
    except TooManyUploads as error:
        return problem_response(429, error.problem)
    finally:
        file.drop()
    if archive is None:
        raise Unprocessable("Send the archive as the file of a multipart form.", field="file")
    return Status(201, archive)


@router.get("/{int:pk}", auth=viewer, response=ArchiveOut)
def get_archive(request: HttpRequest, pk: int) -> Any:
    return get_object_or_404(Archive, pk=pk)


@router.patch("/{int:pk}", auth=archive_editor, response={200: ArchiveOut, 422: ProblemOut})
def change_archive(request: HttpRequest, pk: int, body: ArchivePatch) -> Any:
    """Rename an archive, write its note, set its tags, pin or unpin it."""
    archive = get_object_or_404(Archive, pk=pk)
    try:
        change.change_archive(request.user, archive, body.dict(exclude_none=True))
    except InvalidChange as error:
        raise Unprocessable(str(error), field=error.field) from error
    async_to_sync(ping_archives)()
    return archive


@router.delete("/{int:pk}", auth=archive_deleter, response={204: None, 409: ProblemOut})
def remove_archive(request: HttpRequest, pk: int) -> Any:
    """Delete the file and its row. Refused while pinned or needed by an operation."""
    archive = get_object_or_404(Archive, pk=pk)
    try:
        delete_archive(request.user, archive, archive_store())
    except ArchiveNeeded as error:
        return problem_response(409, error.problem)
    async_to_sync(ping_archives)()
    return Status(204, None)


@router.api_operation(["GET", "HEAD"], "/{int:pk}/download", auth=downloader)
def download_archive(request: HttpRequest, pk: int) -> HttpResponse:
    """Send the file; its ETag is the sha256, and Range asks for a part of it."""
    return send_archive(request, get_object_or_404(Archive, pk=pk))


@router.post("/{int:pk}/verify", auth=operator, response={200: VerifiedOut, 410: ProblemOut})
def verify_archive(request: HttpRequest, pk: int) -> Any:
    """Read the whole file again: is its sha256 the catalog's, and can its contents be read?"""
    return asdict(read_again(request.user, get_object_or_404(Archive, pk=pk), archive_store()))
