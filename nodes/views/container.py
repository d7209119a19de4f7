"""One container, and the dialog that moves it."""

from __future__ import annotations

from typing import Any

from asgiref.sync import async_to_sync
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from nodes.finding import Level
from nodes.forms import MigrationForm
from nodes.models import Archive, Container, Node, Operation
from nodes.operations import start
from nodes.operations.action_checks import twin_of
from nodes.operations.connection_checks import answers_keep
from nodes.operations.container_hold import hold_of
from nodes.operations.retry import note_retry
from nodes.problem import FerryError
from nodes.views.access import operator, viewer
from nodes.views.answers import UNPROCESSABLE, go_to, page_or_fragment
from nodes.views.container_history import history_of
from nodes.views.offers import offers_of


def get_container(node_pk: int, podman_id: str) -> Container:
    return get_object_or_404(
        Container.objects.select_related("node"), node_id=node_pk, podman_id=podman_id
    )


def container_context(container: Container) -> dict[str, Any]:
    podman_id = container.podman_id
    return {
        "container": container,
        "node": container.node,
        # For what it uses, which only the websocket tells.
        "asked": container.node.name if container.is_running else "",
        "history": history_of(container),
        "has_archives": Archive.objects.filter(container_podman_id=podman_id).exists(),
        "unfinished": Operation.objects.unfinished().filter(container_podman_id=podman_id).first(),
        "hold": hold_of(podman_id),
        "twin": twin_of(container),
    }


@viewer
@require_GET
def detail(request: HttpRequest, node_pk: int, podman_id: str) -> HttpResponse:
    return render(
        request, "containers/detail.html", container_context(get_container(node_pk, podman_id))
    )


def _migrate_context(container: Container, form: MigrationForm) -> dict[str, Any]:
    others = Node.objects.exclude(pk=container.node_id)
    # The fittest first: it is the one that is chosen already.
    fitness = {"ok": 0, "warning": 1}
    destinations = sorted(
        others,
        key=lambda node: (not node.is_online, fitness.get(node.readiness, 2), node.name),
    )
    first = next((node.pk for node in destinations if node.is_online), "")
    return {
        "container": container,
        "node": container.node,
        "form": form,
        "destinations": destinations,
        "chosen": str(form["destination"].value() or first),
    }


@operator
@require_http_methods(["GET", "POST"])
def migrate(request: HttpRequest, node_pk: int, podman_id: str) -> HttpResponse:
    """Show the dialog; start the migration and go to its page."""
    container = get_container(node_pk, podman_id)
    form = MigrationForm(request.POST) if request.method == "POST" else _fresh_form(request)
    context = _migrate_context(container, form)
    if request.method == "POST":
        if form.is_valid():
            try:
                operation = start.start_migration(
                    request.user, container, form.cleaned_data["destination"], form.options
                )
            except FerryError as error:
                context["problem"] = error.problem
            else:
                note_retry(operation, request.POST.get("retry_of", ""))
                return go_to(request, operation.get_absolute_url())
        return page_or_fragment(
            request, "containers/migrate.html", "containers/_migrate_form.html", context,
            status=UNPROCESSABLE,
        )  # fmt: skip
    return page_or_fragment(
        request, "containers/migrate.html", "containers/_migrate_form.html", context
    )


def _fresh_form(request: HttpRequest) -> MigrationForm:
    initial: dict[str, Any] = {"compress": "zstd", **request.GET.dict()}
    return MigrationForm(initial=initial)


@operator
@require_POST
def preflight(request: HttpRequest, node_pk: int, podman_id: str) -> HttpResponse:
    """Answer the findings for what the dialog holds now."""
    container = get_container(node_pk, podman_id)
    form = MigrationForm(request.POST)
    context: dict[str, Any] = {"container": container, "form": form}
    if form.is_valid():
        try:
            findings = async_to_sync(start.preflight_migration)(
                container, form.cleaned_data["destination"], form.options
            )
        except FerryError as error:
            context["problem"] = error.problem
        else:
            # What was asked for is answered in sight, not among the checks that passed.
            kept = [one for one in findings if form.options.tcp_established and answers_keep(one)]
            context["kept"] = kept
            context["findings"] = [finding for finding in findings if finding not in kept]
            context["offers"] = offers_of(findings, form.fields)
            context["blocked"] = any(finding.level == Level.ERROR for finding in findings)
    return render(request, "containers/_preflight.html", context)
