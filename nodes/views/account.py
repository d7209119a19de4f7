"""A user's own page with API tokens, and the audit log."""

from __future__ import annotations

from typing import cast

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from nodes.audit import audit
from nodes.models import ApiToken, AuditEvent
from nodes.views.access import auditor, viewer

AUDIT_ROWS = 100


@viewer
@require_http_methods(["GET", "POST"])
def account(request: HttpRequest) -> HttpResponse:
    """List the user's tokens; a POST makes one and shows it this once."""
    user = cast(User, request.user)
    context: dict[str, object] = {"tokens": ApiToken.objects.filter(user=user)}
    if request.method == "POST":
        name = request.POST.get("name", "").strip()[:100] or "unnamed"
        _, context["new_token"] = ApiToken.issue(user, name)
        audit(request.user, "token.create", name)
    return render(request, "account/account.html", context)


@viewer
@require_http_methods(["GET", "POST"])
def delete_token(request: HttpRequest, pk: int) -> HttpResponse:
    """Say what stops; delete the token."""
    token = get_object_or_404(ApiToken, pk=pk, user=request.user)
    if request.method == "GET":
        return render(request, "account/token_delete.html", {"token": token})
    audit(request.user, "token.delete", token.name)
    token.delete()
    messages.success(request, f"The token {token.name} was deleted.")
    return redirect("account")


@auditor
@require_GET
def audit_log(request: HttpRequest) -> HttpResponse:
    page = Paginator(AuditEvent.objects.all(), AUDIT_ROWS).get_page(request.GET.get("page"))
    return render(request, "account/audit.html", {"page": page})
