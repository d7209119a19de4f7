"""Where a container that somebody holds over the board could be dropped."""

from __future__ import annotations

import re

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from nodes.models import Node
from nodes.operations.verdicts import asked_verdicts, known_verdicts
from nodes.views.access import operator
from nodes.views.container import get_container

_NUMBER = re.compile(r"[0-9]{1,18}")


@operator
@require_http_methods(["GET", "POST"])
def verdicts(request: HttpRequest, node_pk: int, podman_id: str) -> HttpResponse:
    """GET tells what is known of every other node; POST asks those that it names as ``node``."""
    container = get_container(node_pk, podman_id)
    if request.method == "POST":
        keys = [int(key) for key in request.POST.getlist("node") if _NUMBER.fullmatch(key)]
        told = asked_verdicts(container, list(Node.objects.filter(pk__in=keys)))
    else:
        told = known_verdicts(container, Node.objects.all())
    return render(request, "fleet/_verdicts.html", {"verdicts": told})
