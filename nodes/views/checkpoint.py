"""The dialog that checkpoints a container."""

from __future__ import annotations

from typing import Any

from asgiref.sync import async_to_sync
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_POST

from nodes.finding import errors_in
from nodes.forms import CheckpointForm
from nodes.operations.retry import note_retry
from nodes.operations.start_checkpoint import preflight_checkpoint, start_checkpoint
from nodes.problem import FerryError
from nodes.views.access import operator
from nodes.views.answers import UNPROCESSABLE, go_to, page_or_fragment
from nodes.views.container import get_container
from nodes.views.offers import offers_of

_PAGE, _FRAGMENT = "containers/checkpoint.html", "containers/_checkpoint_form.html"


@operator
@require_http_methods(["GET", "POST"])
def checkpoint(request: HttpRequest, node_pk: int, podman_id: str) -> HttpResponse:
    """Show the dialog; start the checkpoint and go to its page."""
    container = get_container(node_pk, podman_id)
    context: dict[str, Any] = {"container": container, "node": container.node}
    if request.method != "POST":
        context["form"] = CheckpointForm.from_query(request.GET.dict())
        return page_or_fragment(request, _PAGE, _FRAGMENT, context)
    form = context["form"] = CheckpointForm(request.POST)
    if form.is_valid():
        try:
            operation = start_checkpoint(request.user, container, form.options)
        except FerryError as error:
            context["problem"] = error.problem
        else:
            note_retry(operation, request.POST.get("retry_of", ""))
            return go_to(request, operation.get_absolute_url())
    return page_or_fragment(request, _PAGE, _FRAGMENT, context, status=UNPROCESSABLE)


@operator
@require_POST
def preflight(request: HttpRequest, node_pk: int, podman_id: str) -> HttpResponse:
    """Answer the findings for what the dialog holds now."""
    container = get_container(node_pk, podman_id)
    form = CheckpointForm(request.POST)
    context: dict[str, Any] = {"container": container, "node": container.node, "form": form}
    if form.is_valid():
        try:
            findings = async_to_sync(preflight_checkpoint)(container, form.options)
        except FerryError as error:
            context["problem"] = error.problem
        else:
            context["findings"] = findings
            context["blocked"] = bool(errors_in(findings))
            context["offers"] = offers_of(findings, form.fields)
    return render(request, "containers/_checkpoint_preflight.html", context)
