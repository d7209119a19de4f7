"""The ways in which a view answers htmx and plain requests alike."""

from __future__ import annotations

from typing import Any, cast

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

UNPROCESSABLE = 422


def is_fragment(request: HttpRequest) -> bool:
    """Tell whether htmx asks for a part of a page rather than for a page."""
    htmx = cast(HtmxDetails, request.htmx)  # type: ignore[attr-defined]
    return bool(htmx) and not htmx.boosted


def page_or_fragment(
    request: HttpRequest, page: str, fragment: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    return render(request, fragment if is_fragment(request) else page, context, status=status)


def go_to(request: HttpRequest, url: str) -> HttpResponse:
    """Send the browser to another page, out of a dialog too."""
    if is_fragment(request):
        return HttpResponseClientRedirect(url)
    return redirect(url)
