"""A container's log as a page without scripts, and as a file."""

from __future__ import annotations

from collections.abc import AsyncIterator

from asgiref.sync import async_to_sync
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from nodes.audit import audit
from nodes.inventory.connect import open_session
from nodes.models import Container
from nodes.podman.follow_argv import log_end_argv, whole_log_argv
from nodes.podman.log_lines import LogLine, parse_log_line, split_lines
from nodes.problem import FerryError
from nodes.views.access import operator
from nodes.views.container import get_container

PAGE_LINES = 200


@operator
@require_GET
def page(request: HttpRequest, node_pk: int, podman_id: str) -> HttpResponse:
    """Show the end of the log as it is now."""
    container = get_container(node_pk, podman_id)
    context = {"container": container, "node": container.node, "most": PAGE_LINES}
    try:
        lines = async_to_sync(_end_of_log)(container)
    except FerryError as error:
        context["problem"] = error.problem
    else:
        context["lines"] = lines
    return render(request, "containers/log.html", context)


async def _end_of_log(container: Container) -> list[LogLine]:
    async with open_session(container.node) as session:
        done = await session.run(log_end_argv(container.podman_id, tail=PAGE_LINES), check=False)
    # Not str.splitlines(): it ends lines at characters that a container may write, too, and what
    # follows would look like Podman's own words.
    _, lines, rest = split_lines(done.stdout.encode(), PAGE_LINES)
    return [parse_log_line(line) for line in ([*lines, rest] if rest else lines)]


@operator
@require_GET
@never_cache
def download(request: HttpRequest, node_pk: int, podman_id: str) -> HttpResponseBase:
    """Send the whole log as it comes from the node."""
    container = get_container(node_pk, podman_id)
    audit(
        request.user, "container.download-log", container,
        node=container.node.name, podman_id=podman_id,
    )  # fmt: skip
    return StreamingHttpResponse(
        _whole_log(container),
        content_type="text/plain; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{_file_name(container)}"'},
    )


def _file_name(container: Container) -> str:
    # A node may say any name: only what cannot end the header's quotes goes into it.
    name = "".join(
        char for char in container.name if char.isascii() and (char.isalnum() or char in "._-")
    )
    return f"{name or container.short_id}-{container.node.name}.log"


async def _whole_log(container: Container) -> AsyncIterator[bytes]:
    try:
        async with open_session(container.node) as session:
            async for chunk in session.read(whole_log_argv(container.podman_id)):
                yield chunk
    except FerryError as error:
        # The answer has begun: whoever reads the file must see that it is not whole.
        problem = error.problem
        yield f"\n[Ferry: this log is not whole. {problem.message} {problem.cause}]\n".encode()
