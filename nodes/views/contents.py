"""What is inside an archive: one page for each part of it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from nodes.archives.files import archive_file
from nodes.archives.place import archive_store
from nodes.archives.read_again import environment_of, note_log_read, read_contents_again
from nodes.models import Archive
from nodes.problem import FerryError
from nodes.views.access import downloader, operator, viewer
from nodes.views.answers import UNPROCESSABLE, is_fragment
from nodes.views.contents_panels import (
    LOG,
    NAV_SECTIONS,
    TAB_OF,
    TABS,
    Tab,
    memory_map_context,
    nav_context,
    panel_context,
    sections_of,
)


@viewer
@require_GET
def panel(request: HttpRequest, pk: int, section: str) -> HttpResponse:
    tab = TAB_OF.get(section, LOG)
    # The log has an address of its own, for fewer people.
    if tab is LOG:
        raise Http404
    return _page(request, get_object_or_404(Archive, pk=pk), tab)


@downloader
@require_GET
def log(request: HttpRequest, pk: int) -> HttpResponse:
    """Show what the container has written; that is for those who may have the archive."""
    archive = get_object_or_404(Archive, pk=pk)
    note_log_read(request.user, archive)
    return _page(request, archive, LOG)


@downloader
@require_GET
def log_file(request: HttpRequest, pk: int) -> HttpResponse:
    archive = get_object_or_404(Archive, pk=pk)
    sections = sections_of(archive, LOG.section)
    if not sections:
        return redirect("archive-log", pk)
    note_log_read(request.user, archive)
    return HttpResponse(
        sections[LOG.section]["text"],
        content_type="text/plain; charset=utf-8",
        # What a container wrote is never shown as a page of this site.
        headers={"Content-Disposition": f'attachment; filename="{archive.pk}-container.log"'},
    )


@viewer
@require_GET
def memory_map(request: HttpRequest, pk: int, pid: int) -> HttpResponse:
    """Show the mappings of one process."""
    archive = get_object_or_404(Archive, pk=pk)
    sections = sections_of(archive, "memory", *NAV_SECTIONS)
    processes = sections.get("memory", [])
    memory = next((process for process in processes if process["pid"] == pid), None)
    if memory is None:
        return _page(request, archive, TAB_OF["memory"])
    context = {
        "archive": archive,
        "tab": TAB_OF["memory"],
        **nav_context(sections),
        **memory_map_context(memory, request.GET.dict()),
        "panel": "archives/contents/_memory_map.html",
    }
    return render(request, "archives/contents/page.html", context)


@downloader
@require_POST
@never_cache
def environment(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the values of one process's environment, read from the file just now."""
    archive = get_object_or_404(Archive, pk=pk)
    pid = request.POST.get("pid", "")
    context: dict[str, Any] = {"archive": archive, "tab": TAB_OF["processes"], "pid": pid}
    status = 200
    if pid.isascii() and pid.isdigit() and len(pid) < 10:
        try:
            path = archive_file(archive, archive_store())
            context["found"] = environment_of(archive, path, int(pid), request.user)
        except FerryError as error:
            context["problem"], status = error.problem, UNPROCESSABLE
    else:
        context["problem"], status = {"message": "This is not the number of a process."}, 422
    if is_fragment(request):
        return render(request, "archives/contents/_environment.html", context, status=status)
    context |= nav_context(sections_of(archive, *NAV_SECTIONS))
    context["panel"] = "archives/contents/_environment_panel.html"
    return render(request, "archives/contents/page.html", context, status=status)


@operator
@require_POST
def read_again(request: HttpRequest, pk: int) -> HttpResponse:
    """Read the archive's file for what it holds, as it is done when an archive is made."""
    archive = get_object_or_404(Archive, pk=pk)
    try:
        read_contents_again(archive, archive_file(archive, archive_store()))
    except FerryError as error:
        problem = error.problem
        messages.warning(request, f"{problem.message} {problem.cause} {problem.remedy}")
    else:
        messages.success(request, f"The contents of {archive.name} were read.")
    return redirect("archive-contents", pk, TABS[0].slug)


def _page(request: HttpRequest, archive: Archive, tab: Tab) -> HttpResponse:
    sections = sections_of(archive, tab.section, *tab.more, *NAV_SECTIONS)
    context: dict[str, Any] = {"archive": archive, "tab": tab, **nav_context(sections)}
    if tab.section in sections:
        context |= panel_context(tab, sections, request.GET.dict())
        context["panel"] = f"archives/contents/_{tab.slug}.html"
    else:
        context["panel"] = "archives/contents/_unread.html"
    return render(request, "archives/contents/page.html", context)
