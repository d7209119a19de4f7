"""Act on the archives that were chosen in the list: pin, tag, delete, download."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from asgiref.sync import async_to_sync
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from nodes.archives.change import add_tag, delete_archive, pin, remove_tag, why_not_delete
from nodes.archives.errors import ArchiveNeeded, InvalidChange
from nodes.archives.place import archive_store
from nodes.audit import audit
from nodes.catalog.bundle import Bundle, BundledFile
from nodes.catalog.errors import ArchiveMissing, StoreError
from nodes.live import ping_archives
from nodes.models import Archive
from nodes.views.access import archive_deleter, archive_editor, downloader
from nodes.views.answers import page_or_fragment
from nodes.views.archive import archive_file
from nodes.views.archive_list import back_to_list
from nodes.views.undo import say_with_undo

MOST = 500
_NUMBER = re.compile(r"[0-9]{1,18}")
_BACK = {"pin": "unpin", "unpin": "pin", "tag": "untag", "untag": "tag"}


def _chosen(request: HttpRequest) -> list[Archive]:
    """Return the archives that ``archive`` names; those that are gone meanwhile are left out."""
    keys = [int(text) for text in request.POST.getlist("archive")[:MOST] if _NUMBER.fullmatch(text)]
    return list(Archive.objects.filter(pk__in=keys).prefetch_related("tags"))


@archive_editor
@require_POST
def change(request: HttpRequest) -> HttpResponse:
    """Do ``action`` (pin, unpin, tag, untag) with the chosen archives."""
    archives = _chosen(request)
    tag = request.POST.get("tag_name", "").strip().lower()
    actions: dict[str, tuple[Callable[[], None], str]] = {
        "pin": (lambda: pin(request.user, archives, pinned=True), "pinned"),
        "unpin": (lambda: pin(request.user, archives, pinned=False), "unpinned"),
        "tag": (lambda: add_tag(request.user, archives, tag), f"tagged {tag}"),
        "untag": (lambda: remove_tag(request.user, archives, tag), f"rid of the tag {tag}"),
    }
    action = request.POST.get("action", "")
    do, done = actions.get(action, (None, ""))
    changed = _changed_by(archives, action, tag)
    if not archives:
        messages.warning(request, "Choose some archives first.")
    elif do is None:
        messages.warning(request, "Choose what to do with the archives.")
    else:
        try:
            do()
        except InvalidChange as error:
            messages.warning(request, str(error))
        else:
            undo = _undo(request, action, changed)
            text = f"{_count(archives)} now {done}."
            say_with_undo(request, text, reverse("archives-change"), undo)
            async_to_sync(ping_archives)()
    return back_to_list(request)


def _changed_by(archives: list[Archive], action: str, tag: str) -> list[Archive]:
    """Return those that the action changes: the others are none of an undo's business."""
    tagged = {
        archive.pk for archive in archives if tag in {each.name for each in archive.tags.all()}
    }
    return [
        archive
        for archive in archives
        if {
            "pin": not archive.pinned,
            "unpin": archive.pinned,
            "tag": archive.pk not in tagged,
            "untag": archive.pk in tagged,
        }.get(action, False)
    ]


def _undo(request: HttpRequest, action: str, archives: list[Archive]) -> list[tuple[str, str]]:
    kept = [(name, request.POST.get(name, "")) for name in ("tag_name", "query")]
    return [("action", _BACK[action]), *kept, *(("archive", str(one.pk)) for one in archives)]


@archive_deleter
@require_POST
def delete(request: HttpRequest) -> HttpResponse:
    """Ask first, saying what is lost and what is kept; then delete what can be."""
    archives = _chosen(request)
    if not archives:
        messages.warning(request, "Choose some archives first.")
        return back_to_list(request)
    if "confirmed" not in request.POST:
        return page_or_fragment(
            request, "archives/bulk_delete.html", "archives/_bulk_delete_form.html",
            _deletion(request, archives),
        )  # fmt: skip
    deleted, kept = 0, []
    for archive in archives:
        try:
            delete_archive(request.user, archive, archive_store())
            deleted += 1
        except (ArchiveNeeded, StoreError) as error:
            kept.append(f"{archive.name} is kept. {error}")
    if deleted:
        messages.success(request, f"{deleted} archive{'s' if deleted > 1 else ''} deleted.")
        async_to_sync(ping_archives)()
    for reason in kept:
        messages.warning(request, reason)
    return back_to_list(request)


def _deletion(request: HttpRequest, archives: list[Archive]) -> dict[str, Any]:
    judged = [(archive, why_not_delete(archive)) for archive in archives]
    lost = [archive for archive, obstacle in judged if not obstacle]
    return {
        "lost": lost,
        "lost_bytes": sum(archive.size_bytes for archive in lost),
        "refused": [(archive, obstacle) for archive, obstacle in judged if obstacle],
        "query": request.POST.get("query", ""),
    }


@downloader
@require_POST
def download(request: HttpRequest) -> HttpResponseBase:
    """Send the chosen archives as one tar with their sums, packed while it is sent."""
    archives = _chosen(request)
    try:
        bundle = Bundle([_bundled(archive) for archive in archives])
    except ArchiveMissing as error:
        messages.warning(request, f"{error} {error.problem.remedy}")
        return back_to_list(request)
    if not archives:
        messages.warning(request, "Choose some archives first.")
        return back_to_list(request)
    for archive in archives:
        audit(request.user, "archive.download", archive, archive=archive.pk, sha256=archive.sha256)
    name = f"archives-{timezone.now():%Y%m%d-%H%M%S}.tar"
    return StreamingHttpResponse(
        bundle.chunks(),
        content_type="application/x-tar",
        headers={
            "Content-Length": str(bundle.size_bytes),
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "private, no-store",
        },
    )


def _bundled(archive: Archive) -> BundledFile:
    return BundledFile(
        name=archive.file_name,
        path=archive_file(archive),
        size_bytes=archive.size_bytes,
        sha256=archive.sha256,
        modified_s=archive.created_at.timestamp(),
    )


def _count(archives: list[Archive]) -> str:
    return "1 archive is" if len(archives) == 1 else f"{len(archives)} archives are"
