"""Start, stop, restart, pause, rename or remove one container; each has a dialog of its own."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, cast

from asgiref.sync import async_to_sync
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods
from django_htmx.middleware import HtmxDetails

from nodes.forms import ContainerActionForm
from nodes.models import Archive, Container, Operation
from nodes.operations.action_checks import move_away, twin_of
from nodes.operations.action_request import LIVE_STATES, STARTING, Action, actions_in
from nodes.operations.container_action import Done, NameTaken, act
from nodes.operations.container_hold import hold_of
from nodes.operations.ways_back import keeper_of
from nodes.problem import FerryError
from nodes.views.access import operator
from nodes.views.answers import UNPROCESSABLE, go_to, is_fragment, page_or_fragment
from nodes.views.container import get_container
from nodes.views.container_inspect import ask_removal

_PAST = {
    Action.START: "was started on",
    Action.STOP: "was stopped on",
    Action.RESTART: "was restarted on",
    Action.PAUSE: "is paused on",
    Action.UNPAUSE: "runs again on",
    Action.REMOVE: "was removed from",
}
_PAGE, _DIALOG = "containers/action.html", "containers/_action_form.html"


@operator
@require_http_methods(["GET", "POST"])
def action(request: HttpRequest, node_pk: int, podman_id: str, action: str) -> HttpResponse:
    """Show what would happen; do it, and go back to where that was asked for."""
    container = get_container(node_pk, podman_id)
    if action not in list(Action):
        raise Http404
    chosen = Action(action)
    form = ContainerActionForm(
        chosen, container, request.POST if request.method == "POST" else None
    )
    context = _context(container, form)
    if request.method == "GET":
        return _show(request, container, context)
    if not form.is_valid():
        return _show(request, container, context, status=UNPROCESSABLE)
    try:
        done = async_to_sync(act)(request.user, container, form.request)
    except NameTaken as error:
        form.add_error("name", str(error))
    except FerryError as error:
        # The node was asked: it may be another state than the one that the dialog told.
        with suppress(Container.DoesNotExist):
            container.refresh_from_db()
        context = {**_context(container, form), "problem": error.problem}
    else:
        level, words = _told(container, form, done)
        messages.add_message(request, level, words)
        return go_to(request, _back(request, container, done))
    return _show(request, container, context, status=UNPROCESSABLE)


def _show(
    request: HttpRequest, container: Container, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    if context["action"] == Action.STOP and not context["unfinished"]:
        # A dialog is there at once, and asks by itself.
        context |= {"asking": True} if is_fragment(request) else ask_removal(container)
    return page_or_fragment(request, _PAGE, _DIALOG, context, status=status)


def _context(container: Container, form: ContainerActionForm) -> dict[str, Any]:
    archives = Archive.objects.filter(container_podman_id=container.podman_id)
    unfinished = Operation.objects.unfinished().filter(container_podman_id=container.podman_id)
    return {
        "container": container,
        "node": container.node,
        "action": str(form.action),
        "form": form,
        "runs": container.state in LIVE_STATES,
        "fits": form.action in actions_in(container.state),
        "archive_count": archives.count(),
        "starts": form.action in STARTING,
        "twin": twin_of(container),
        "move": move_away(container),
        "keeper": keeper_of(container.podman_id),
        "unfinished": unfinished.first(),
        "hold": hold_of(container.podman_id),
    }


def _told(container: Container, form: ContainerActionForm, done: Done) -> tuple[int, str]:
    """Return how the page is to say what was done, and its level."""
    name, node = container.name, container.node.name
    if form.action == Action.RENAME:
        return messages.SUCCESS, f"{name} is now called {form.request.name}."
    words = f"{name} {_PAST[form.action]} {node}."
    if done.killed:
        words += f" It did not end by itself within {form.request.time_s} s, so it was killed."
        return messages.WARNING, words
    now = done.container
    if form.action in (Action.START, Action.RESTART) and now and now.state == "exited":
        words += f" It has ended already, with exit code {now.exit_code}: its log may say why."
        return messages.WARNING, words
    if form.action == Action.STOP and now is None:
        words += " It was made to be removed when it stops, so it is gone."
    return messages.SUCCESS, words


def _back(request: HttpRequest, container: Container, done: Done) -> str:
    """Return the page that the dialog was opened on, or the container's own."""
    page = container.get_absolute_url()
    current = cast(HtmxDetails, request.htmx).current_url_abs_path  # type: ignore[attr-defined]
    if current is not None and not current.startswith(page):
        return str(current)
    return page if done.container is not None else container.node.get_absolute_url()
