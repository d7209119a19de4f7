"""The catalog: find, look at, note, verify, download and delete archives."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from ninja import Field, Router, Schema, Status
from ninja.pagination import paginate
from pydantic import ConfigDict

from nodes.api.auth import archive_deleter, archive_editor, downloader, operator, viewer
from nodes.api.pages import Pages
from nodes.api.problems import problem_response
from nodes.api.schemas import ArchiveOut, ProblemOut
from nodes.audit import audit
from nodes.models import Archive
from nodes.operations.jobs import archive_store
from nodes.problem import Problem
from nodes.views.archive import (
    archive_file,
    delete_archive,
    find_archives,
    send_archive,
    why_not_delete,
)

router = Router(tags=["archives"])


class ArchivePatch(Schema):
    model_config = ConfigDict(extra="forbid")

    # It becomes the name of the downloaded file.
    name: str | None = Field(None, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=255)
    note: str | None = Field(None, max_length=10_000)
    pinned: bool | None = None


class VerifiedOut(Schema):
    matches: bool
    sha256: str
    found_sha256: str


@router.get("", auth=viewer, response=list[ArchiveOut])
@paginate(Pages)
def list_archives(request: HttpRequest, q: str = "") -> Any:
    """Find by name, container, image, node, or the beginning of a sha256."""
    return find_archives({"q": q})


@router.get("/{int:pk}", auth=viewer, response=ArchiveOut)
def get_archive(request: HttpRequest, pk: int) -> Any:
    return get_object_or_404(Archive, pk=pk)


@router.patch("/{int:pk}", auth=archive_editor, response={200: ArchiveOut, 422: ProblemOut})
def change_archive(request: HttpRequest, pk: int, body: ArchivePatch) -> Any:
    """Rename an archive, write its note, pin or unpin it."""
    archive = get_object_or_404(Archive, pk=pk)
    given = body.dict(exclude_none=True)
    for name, value in given.items():
        setattr(archive, name, value)
    archive.save(update_fields=list(given))
    audit(request.user, "archive.edit", archive, archive=archive.pk, changed=sorted(given))
    return archive


@router.delete("/{int:pk}", auth=archive_deleter, response={204: None, 409: ProblemOut})
def remove_archive(request: HttpRequest, pk: int) -> Any:
    """Delete the file and its row. Refused while pinned or needed by an operation."""
    archive = get_object_or_404(Archive, pk=pk)
    if obstacle := why_not_delete(archive):
        return problem_response(409, Problem(code="archive_needed", message=obstacle))
    delete_archive(request.user, archive)
    return Status(204, None)


@router.api_operation(["GET", "HEAD"], "/{int:pk}/download", auth=downloader)
def download_archive(request: HttpRequest, pk: int) -> HttpResponse:
    """Send the file; its ETag is the sha256, and Range asks for a part of it."""
    return send_archive(request, get_object_or_404(Archive, pk=pk))


@router.post("/{int:pk}/verify", auth=operator, response={200: VerifiedOut, 410: ProblemOut})
def verify_archive(request: HttpRequest, pk: int) -> Any:
    """Read the file again and compare its sha256 with the catalog's."""
    archive = get_object_or_404(Archive, pk=pk)
    archive_file(archive)
    found = archive_store().verify(archive.key)
    return {
        "matches": found == archive.sha256,
        "sha256": archive.sha256,
        "found_sha256": found,
    }
