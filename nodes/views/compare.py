"""What differs between two archives."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.contrib import messages
from django.db.models import Case, IntegerField, Q, QuerySet, Value, When
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from nodes.archives.compare import compare_archives
from nodes.catalog.compare_result import Change, Comparison, SectionComparison
from nodes.models import Archive, ContentsState
from nodes.views.access import viewer
from nodes.views.contents_panels import search_of

TWO = 2
MOST_CANDIDATES = 30
MOST_SHOWN = 200
# A longer section is there when it is opened.
MOST_OPEN = 40
_ORDER: tuple[Change, ...] = ("added", "removed", "changed")


@viewer
@require_GET
def compare(request: HttpRequest, pk: int) -> HttpResponse:
    """Choose the other archive, or show what differs from the one that was chosen."""
    archive = get_object_or_404(Archive, pk=pk)
    other = find_archive(request.GET.get("other", ""))
    search = search_of(request.GET.dict())
    context: dict[str, Any] = {"archive": archive, "search": search}
    if other is None or other == archive:
        context["candidates"] = candidates(archive, search)[:MOST_CANDIDATES]
        return render(request, "archives/compare/choose.html", context)
    unread = [one for one in (archive, other) if one.contents_state != ContentsState.READ]
    context |= {"other": other, "unread": unread}
    if not unread:
        context |= _shown(compare_archives(archive, other), request.GET.get("section", ""))
    return render(request, "archives/compare/compare.html", context)


def _shown(comparison: Comparison, only: str) -> dict[str, Any]:
    """Return the sections and what a page shows of each: all only of the one that is chosen."""
    chosen = [section for section in comparison if section.name == only]
    return {
        "comparison": comparison,
        "only": bool(chosen),
        "shown": [
            {
                "section": section,
                "signs": _signs(section),
                "differences": section.differences[: None if chosen else MOST_SHOWN],
                "is_open": bool(chosen) or section.total <= MOST_OPEN,
                "more": len(section.differences) > MOST_SHOWN and not chosen,
            }
            for section in chosen or comparison
        ],
    }


def _signs(section: SectionComparison) -> list[tuple[str, int]]:
    counts = Counter(difference.change for difference in section.differences)
    return [(change, counts[change]) for change in _ORDER if counts[change]]


@viewer
@require_http_methods(["GET", "POST"])
def compare_two(request: HttpRequest) -> HttpResponse:
    """Go to the comparison of two archives: ``left`` and ``right``, or those chosen in the list."""
    given = request.POST.getlist("archive") or [
        request.GET.get("left", ""),
        request.GET.get("right", ""),
    ]
    found = [archive for archive in map(find_archive, given[: TWO + 1]) if archive is not None]
    if not found or len(found) > TWO:
        messages.warning(request, "Choose two archives to compare them.")
        return redirect("archive-list")
    left, *right = found
    address = reverse("archive-compare", args=[left.pk])
    return redirect(f"{address}?other={right[0].pk}" if right else address)


def find_archive(number: str) -> Archive | None:
    is_number = number.isascii() and number.isdigit() and len(number) < 19
    return Archive.objects.filter(pk=number).first() if is_number else None


def candidates(archive: Archive, search: str) -> QuerySet[Archive]:
    """Return the archives to compare with: those of the same container first, then the latest."""
    found = Archive.objects.exclude(pk=archive.pk)
    if search:
        found = found.filter(Q(name__icontains=search) | Q(container_name__icontains=search))
    same = Q(container_podman_id=archive.container_podman_id) & ~Q(container_podman_id="")
    rank = Case(
        When(same, then=Value(0)),
        When(container_name=archive.container_name, then=Value(1)),
        default=Value(2),
        output_field=IntegerField(),
    )
    return found.order_by(rank, "-created_at")
