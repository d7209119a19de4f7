"""The catalog: browse, look at, download and delete archives."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Q, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_safe
from django_sendfile import sendfile

from nodes.audit import audit
from nodes.catalog.compression import MEDIA_TYPES
from nodes.catalog.errors import ArchiveMissing
from nodes.models import Archive, ArchiveState, AuditEvent, Operation
from nodes.operations.jobs import archive_store
from nodes.operations.start import Actor
from nodes.views.access import archive_deleter, downloader, viewer
from nodes.views.answers import UNPROCESSABLE

PAGE_ROWS = 50
GONE = 410
# Ranges that follow within this time are parts of one download: one line in the audit log.
ONE_DOWNLOAD = timedelta(hours=1)


def find_archives(params: dict[str, str]) -> QuerySet[Archive]:
    """Filter by ``q``: name, container, image, node, or the beginning of a sha256."""
    found = Archive.objects.select_related("node")
    if text := params.get("q", "").strip():
        found = found.filter(
            Q(name__icontains=text)
            | Q(container_name__icontains=text)
            | Q(image__icontains=text)
            | Q(node_name__icontains=text)
            | Q(sha256__startswith=text)
        )
    return found


def archive_list_context(params: dict[str, str]) -> dict[str, Any]:
    return {
        "page": Paginator(find_archives(params), PAGE_ROWS).get_page(params.get("page")),
        "params": params,
        "used_bytes": Archive.objects.aggregate(total=Sum("size_bytes"))["total"] or 0,
        "free_bytes": archive_store().free_bytes(),
    }


@viewer
@require_GET
def archive_list(request: HttpRequest) -> HttpResponse:
    return render(request, "archives/list.html", archive_list_context(request.GET.dict()))


@viewer
@require_GET
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    archive = get_object_or_404(Archive.objects.select_related("node"), pk=pk)
    context = {"archive": archive, "operations": archive.operations.all()}
    return render(request, "archives/detail.html", context)


@downloader
@require_safe
def download(request: HttpRequest, pk: int) -> HttpResponse:
    archive = get_object_or_404(Archive, pk=pk)
    try:
        return send_archive(request, archive)
    except ArchiveMissing as error:
        context = {"archive": archive, "problem": error.problem}
        return render(request, "archives/detail.html", context, status=GONE)


def archive_file(archive: Archive) -> Path:
    """Return where the archive's file is, and note whether it is. Raises ArchiveMissing."""
    path = archive_store().path(archive.key)
    state = ArchiveState.READY if path.is_file() else ArchiveState.MISSING
    if archive.state != state:
        Archive.objects.filter(pk=archive.pk).update(state=state)
    if state == ArchiveState.MISSING:
        raise ArchiveMissing(archive.name)
    return path


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
        user_name=request.user.get_username(),
        detail__archive=archive.pk,
        at__gte=timezone.now() - ONE_DOWNLOAD,
    ).exists()


@archive_deleter
@require_http_methods(["GET", "POST"])
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Delete the file and its row. Refused while pinned or needed by an operation."""
    archive = get_object_or_404(Archive, pk=pk)
    obstacle = why_not_delete(archive)
    if request.method == "POST" and not obstacle:
        delete_archive(request.user, archive)
        messages.success(request, f"{archive.name} was deleted.")
        return redirect("archive-list")
    context = {"archive": archive, "obstacle": obstacle}
    status = UNPROCESSABLE if request.method == "POST" else 200
    return render(request, "archives/delete.html", context, status=status)


def why_not_delete(archive: Archive) -> str:
    if archive.pinned:
        return "The archive is pinned. Unpin it first."
    if Operation.objects.unfinished().filter(archive=archive).exists():
        return "An operation still needs the archive."
    return ""


def delete_archive(user: Actor, archive: Archive) -> None:
    """Delete the file, then the row; a file that is gone already is fine."""
    # In this order a failure leaves a row that can be deleted again, never a file without a row.
    archive_store().delete(archive.key)
    with transaction.atomic():
        audit(user, "archive.delete", archive, archive=archive.pk, sha256=archive.sha256)
        archive.delete()
