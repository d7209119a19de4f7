"""For machines: whether the site is ready, and its figures."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET
from prometheus_client import CONTENT_TYPE_LATEST

from nodes.health.figures import figures
from nodes.health.readiness import problems
from nodes.views.access import anybody, scraper


@anybody
@require_GET
@never_cache
def ready(request: HttpRequest) -> HttpResponse:
    """Answer 503 with what is wrong, in words that tell strangers nothing."""
    found = problems()
    return JsonResponse({"ready": not found, "problems": found}, status=503 if found else 200)


@scraper
@require_GET
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    return HttpResponse(figures(), content_type=CONTENT_TYPE_LATEST)
