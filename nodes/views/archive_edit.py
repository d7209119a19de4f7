"""Change one archive: rename, note, tag, pin, verify, delete."""

from __future__ import annotations

from typing import Any

from asgiref.sync import async_to_sync
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from nodes.archives.change import change_archive, delete_archive, pin, why_not_delete
from nodes.archives.errors import ArchiveNeeded
from nodes.archives.files import verify_archive
from nodes.archives.place import archive_store
from nodes.catalog.errors import ArchiveMissing, StoreError
from nodes.forms.archive import ArchiveForm
from nodes.live import ping_archives
from nodes.models import Archive
from nodes.views.access import archive_deleter, archive_editor, operator
from nodes.views.answers import UNPROCESSABLE, is_fragment, page_or_fragment
from nodes.views.archive import GONE, archive_context
from nodes.views.archive_list import back_to_list
from nodes.views.undo import say_with_undo


def _archive(pk: int) -> Archive:
    return get_object_or_404(Archive.objects.select_related("node"), pk=pk)


def _changed(request: HttpRequest, archive: Archive) -> HttpResponse:
    """Show the archive as it is now: htmx gets the parts that may have changed."""
    async_to_sync(ping_archives)()
    if is_fragment(request):
        return render(request, "archives/_changed.html", archive_context(archive))
    return redirect(archive)


@archive_editor
@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Rename, note and tag, in place with htmx and on a page of its own without."""
    archive = _archive(pk)
    form = ArchiveForm(request.POST) if request.method == "POST" else ArchiveForm.of(archive)
    if request.method == "POST" and form.is_valid():
        if changes := form.changes_of(archive):
            change_archive(request.user, archive, changes)
        return _changed(request, archive)
    context = {"archive": archive, "form": form}
    status = UNPROCESSABLE if request.method == "POST" else 200
    return page_or_fragment(
        request, "archives/edit.html", "archives/_edit_form.html", context, status=status
    )


@archive_editor
@require_POST
def set_pinned(request: HttpRequest, pk: int) -> HttpResponse:
    """Pin the archive, or unpin it if ``pinned`` is "no"."""
    archive = _archive(pk)
    pinned = request.POST.get("pinned") != "no"
    pin(request.user, [archive], pinned=pinned)
    if not is_fragment(request):
        told = "is pinned: nothing deletes it" if pinned else "is not pinned any more"
        undo = [("pinned", "no" if pinned else "yes")]
        # Back to the list, if it came from there.
        undo += [("query", query) for query in request.POST.getlist("query")]
        say_with_undo(request, f"{archive.name} {told}.", reverse("archive-pin", args=[pk]), undo)
    answer = _changed(request, archive)
    # From a row of the list.
    return back_to_list(request) if "query" in request.POST else answer


@operator
@require_POST
def verify(request: HttpRequest, pk: int) -> HttpResponse:
    """Read the whole file again; it takes as long as that takes."""
    archive = _archive(pk)
    try:
        verified = verify_archive(request.user, archive, archive_store())
    except ArchiveMissing as error:
        context = {**archive_context(archive), "problem": error.problem}
        fragment = "archives/_changed.html"
        # htmx would drop what is not a 422 without a word.
        status = UNPROCESSABLE if is_fragment(request) else GONE
        return page_or_fragment(request, "archives/detail.html", fragment, context, status=status)
    if not is_fragment(request):
        if verified.problem:
            messages.warning(request, verified.problem)
        else:
            messages.success(request, f"{archive.name} is whole, and can be read.")
    return _changed(request, archive)


@archive_deleter
@require_http_methods(["GET", "POST"])
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Delete the file and its row. Refused while pinned or needed by an operation."""
    archive = _archive(pk)
    context: dict[str, Any] = {"archive": archive, "obstacle": why_not_delete(archive)}
    if request.method == "POST":
        try:
            delete_archive(request.user, archive, archive_store())
        except (ArchiveNeeded, StoreError) as error:
            context["obstacle"] = str(error)
            return render(request, "archives/delete.html", context, status=UNPROCESSABLE)
        async_to_sync(ping_archives)()
        messages.success(request, f"{archive.name} was deleted.")
        return redirect("archive-list")
    return render(request, "archives/delete.html", context)
