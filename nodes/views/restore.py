"""The dialog that restores an archive on a node."""

from __future__ import annotations

from typing import Any

from asgiref.sync import async_to_sync
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from nodes.archives.trust import must_be_confirmed, privileges_digest, privileges_of_archive
from nodes.finding import errors_in
from nodes.forms import RestoreForm
from nodes.forms.restore import CLOSE, ESTABLISHED
from nodes.models import Archive, Container, ContentsState, Node
from nodes.operations.retry import note_retry
from nodes.operations.start_restore import preflight_restore, start_restore
from nodes.problem import FerryError
from nodes.views.access import operator
from nodes.views.answers import UNPROCESSABLE, go_to, page_or_fragment
from nodes.views.container import get_container
from nodes.views.offers import offers_of
from nodes.views.restore_needs import RestoreNeeds, needs_of_archive

_PAGE, _FRAGMENT = "archives/restore.html", "archives/_restore_form.html"
MOST_ARCHIVES = 50


def _archive(pk: int) -> Archive:
    return get_object_or_404(Archive.objects.select_related("node"), pk=pk)


def _candidates(archive: Archive) -> list[Node]:
    """Return all nodes, the fittest first: it is the one that is chosen already."""
    fitness = {"ok": 0, "warning": 1}
    return sorted(
        Node.objects.all(),
        key=lambda node: (
            not node.is_online,
            fitness.get(node.readiness, 2),
            node.pk != archive.node_id,
            node.name,
        ),
    )


def _context(archive: Archive, needs: RestoreNeeds, form: RestoreForm) -> dict[str, Any]:
    candidates = _candidates(archive)
    first = next((node.pk for node in candidates if node.is_online), "")
    with_image = Container.objects.filter(image_id=archive.image_id).exclude(image_id="")
    privileges = privileges_of_archive(archive)
    return {
        "archive": archive,
        "needs": needs,
        "form": form,
        "candidates": candidates,
        "chosen": str(form["node"].value() or first),
        "with_image": set(with_image.values_list("node_id", flat=True)),
        "to_confirm": must_be_confirmed(archive),
        "privileges": privileges,
        "digest": privileges_digest(archive),
        "unread": archive.contents_state != ContentsState.READ,
        "refused": any(privilege["risk"] == "refused" for privilege in privileges),
    }


@operator
@require_http_methods(["GET", "POST"])
def restore(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the dialog; start the restore and go to its page."""
    archive = _archive(pk)
    needs = needs_of_archive(archive)
    if request.method != "POST":
        form = RestoreForm.from_query(request.GET, own_ports=needs.ports)
        _set_what_the_archive_needs(form, archive, needs)
        return page_or_fragment(request, _PAGE, _FRAGMENT, _context(archive, needs, form))
    form = RestoreForm(request.POST, own_ports=needs.ports)
    context = _context(archive, needs, form)
    if form.is_valid():
        values = form.cleaned_data
        try:
            operation = start_restore(
                request.user, archive, values["node"], form.options, confirmed=values["confirmed"]
            )
        except FerryError as error:
            context["problem"] = error.problem
        else:
            note_retry(operation, request.POST.get("retry_of", ""))
            return go_to(request, operation.get_absolute_url())
    return page_or_fragment(request, _PAGE, _FRAGMENT, context, status=UNPROCESSABLE)


def _set_what_the_archive_needs(form: RestoreForm, archive: Archive, needs: RestoreNeeds) -> None:
    """Choose at first what a restore of such a checkpoint cannot do without."""
    if archive.options.get("file_locks"):
        form.initial.setdefault("file_locks", True)
    if needs.is_read:
        connected = needs.open_connections > 0
    else:
        connected = archive.options.get("tcp_established", False)
    if connected and not form.initial["tcp"]:
        form.initial["tcp"] = CLOSE if form.is_copy else ESTABLISHED


@operator
@require_POST
def preflight(request: HttpRequest, pk: int) -> HttpResponse:
    """Answer the findings for what the dialog holds now."""
    archive = _archive(pk)
    needs = needs_of_archive(archive)
    form = RestoreForm(request.POST, own_ports=needs.ports)
    context = _context(archive, needs, form)
    if form.is_valid():
        try:
            findings = async_to_sync(preflight_restore)(
                archive, form.cleaned_data["node"], form.options
            )
        except FerryError as error:
            context["problem"] = error.problem
        else:
            context["findings"] = findings
            context["blocked"] = bool(errors_in(findings))
            context["offers"] = offers_of(findings, form.fields)
    return render(request, "archives/_restore_preflight.html", context)


def archives_of(container: Container) -> QuerySet[Archive]:
    return Archive.objects.filter(container_podman_id=container.podman_id)


@operator
@require_GET
def choose_archive(request: HttpRequest, node_pk: int, podman_id: str) -> HttpResponse:
    """Show the container's archives, each leading to its restore."""
    container = get_container(node_pk, podman_id)
    context = {
        "container": container,
        "node": container.node,
        "archives": archives_of(container)[:MOST_ARCHIVES],
    }
    return page_or_fragment(
        request, "containers/restore.html", "containers/_restore_choice.html", context
    )
