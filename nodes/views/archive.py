"""One archive: what is known of it, and its file."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_safe
from django_sendfile import sendfile

from nodes.archives import files
from nodes.archives.place import archive_store
from nodes.audit import audit
from nodes.catalog.compression import MEDIA_TYPES
from nodes.catalog.errors import ArchiveMissing
from nodes.models import Archive, ArchiveOrigin, AuditEvent
from nodes.views.access import downloader, viewer
from nodes.views.contents_panels import NAV_SECTIONS, nav_context, sections_of

GONE = 410
# Ranges that follow within this time are parts of one download: one line in the audit log.
ONE_DOWNLOAD = timedelta(hours=1)
_WRITTEN_WITHIN = timedelta(minutes=5)


def archive_context(archive: Archive) -> dict[str, Any]:
    """Return what the page of an archive and its fragments need."""
    return {
        "archive": archive,
        "operations": archive.operations.all(),
        "uploaded_by": _uploaded_by(archive),
        **nav_context(sections_of(archive, *NAV_SECTIONS)),
    }


def _uploaded_by(archive: Archive) -> str:
    if archive.origin != ArchiveOrigin.UPLOAD:
        return ""
    # Both rows are written as one; within these bounds there is an index.
    uploads = AuditEvent.objects.filter(
        action="archive.upload",
        at__gte=archive.created_at,
        at__lt=archive.created_at + _WRITTEN_WITHIN,
        detail__archive=archive.pk,
    )
    event = uploads.only("user_name").first()
    return event.user_name if event else ""


@viewer
@require_GET
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    archive = get_object_or_404(Archive.objects.select_related("node"), pk=pk)
    return render(request, "archives/detail.html", archive_context(archive))


@downloader
@require_safe
def download(request: HttpRequest, pk: int) -> HttpResponse:
    archive = get_object_or_404(Archive, pk=pk)
    try:
        return send_archive(request, archive)
    except ArchiveMissing as error:
        context = {**archive_context(archive), "problem": error.problem}
        return render(request, "archives/detail.html", context, status=GONE)


def archive_file(archive: Archive) -> Path:
    """Return where the archive's file is, and note whether it is. Raises ArchiveMissing."""
    return files.archive_file(archive, archive_store())


def send_archive(request: HttpRequest, archive: Archive) -> HttpResponse:
    """Answer with the archive's file; ranges and memory are the ASGI layer's or nginx's affair.

    Raises ArchiveMissing.
    """
    path = archive_file(archive)
    etag = f'"{archive.sha256}"'
    if request.headers.get("If-None-Match") == etag:
        return HttpResponse(status=304, headers={"ETag": etag})
    if request.method == "GET" and not _goes_on(request, archive):
        audit(request.user, "archive.download", archive, archive=archive.pk, sha256=archive.sha256)
    response: HttpResponse = sendfile(
        request,
        str(path),
        attachment=True,
        attachment_filename=archive.file_name,
        mimetype=MEDIA_TYPES.get(archive.compression, "application/octet-stream"),
    )
    response["ETag"] = etag
    response["Cache-Control"] = "private, no-cache"
    return response


def _goes_on(request: HttpRequest, archive: Archive) -> bool:
    """Tell whether this is a further range of a download that the audit log already has."""
    if request.headers.get("Range", "bytes=0-").startswith("bytes=0-"):
        return False
    return AuditEvent.objects.filter(
        action="archive.download",
        at__gte=timezone.now() - ONE_DOWNLOAD,
        user_name=request.user.get_username(),
        detail__archive=archive.pk,
    ).exists()
