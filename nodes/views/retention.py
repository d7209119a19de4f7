"""Which archives stay: the catalog's own rule, and applying a rule now."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from nodes.archives.retention import Rule, apply_rules, preview
from nodes.models import CatalogRetention, Schedule
from nodes.templatetags.units import bytes_text
from nodes.views.access import archive_deleter, viewer
from nodes.views.answers import UNPROCESSABLE
from nodes.views.schedule_forms import CatalogRetentionForm, save_catalog_retention


@viewer
@require_GET
def retention(request: HttpRequest) -> HttpResponse:
    """Show the rule for archives that belong to no schedule, and what it would let go."""
    rule = CatalogRetention.load()
    context = {"rule": rule, "preview": preview(rule, now=timezone.now())}
    return render(request, "schedules/retention.html", context)


@archive_deleter
@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest) -> HttpResponse:
    rule = CatalogRetention.load()
    sent = request.POST if request.method == "POST" else None
    form = CatalogRetentionForm(sent, instance=rule)
    if form.is_valid():
        save_catalog_retention(request.user, form)
        return redirect("retention")
    status = UNPROCESSABLE if request.method == "POST" else 200
    return render(request, "schedules/retention_form.html", {"form": form}, status=status)


@archive_deleter
@require_POST
def apply_to_catalog(request: HttpRequest) -> HttpResponse:
    _apply(request, CatalogRetention.load())
    return redirect("retention")


@archive_deleter
@require_POST
def apply_to_schedule(request: HttpRequest, pk: int) -> HttpResponse:
    schedule = get_object_or_404(Schedule, pk=pk)
    _apply(request, schedule)
    return redirect(schedule)


def _apply(request: HttpRequest, rule: Rule) -> None:
    gone = apply_rules(rule, now=timezone.now(), user=request.user)
    size = bytes_text(sum(each.archive.size_bytes for each in gone))
    word = "archive was" if len(gone) == 1 else "archives were"
    messages.success(request, f"{len(gone)} {word} deleted, {size}.")
