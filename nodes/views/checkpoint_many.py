"""The dialog that checkpoints several containers, each in an operation of its own."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from asgiref.sync import async_to_sync
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from nodes.finding import Finding, errors_in
from nodes.forms import CheckpointForm
from nodes.models import Container
from nodes.operations.start_checkpoint import preflight_checkpoint, start_checkpoint
from nodes.podman.options import CheckpointOptions
from nodes.problem import FerryError, Problem
from nodes.views.access import operator
from nodes.views.answers import UNPROCESSABLE, go_to, page_or_fragment

_PAGE, _FRAGMENT = "containers/checkpoint_many.html", "containers/_checkpoint_many_form.html"
_NUMBER = re.compile(r"[0-9]{1,18}")
# So many nodes are asked at once.
_AT_ONCE = 4


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the preflight of one of the containers said."""

    container: Container
    findings: Sequence[Finding] = ()
    problem: Problem | None = None
    blocked: bool = field(default=False)


def _chosen(params: QueryDict, name: str = "container") -> list[Container]:
    keys = [int(key) for key in params.getlist(name) if _NUMBER.fullmatch(key)]
    found = Container.objects.select_related("node").filter(pk__in=keys)
    return list(found.order_by("name", "node__name"))


@operator
@require_http_methods(["GET", "POST"])
def checkpoint_many(request: HttpRequest) -> HttpResponse:
    """Show the dialog; start what can be started and tell what was refused, one by one."""
    params = request.POST if request.method == "POST" else request.GET
    containers = _chosen(params)
    context: dict[str, Any] = {"containers": containers}
    if request.method != "POST":
        context["form"] = CheckpointForm.from_query(request.GET.dict())
        return page_or_fragment(request, _PAGE, _FRAGMENT, context)
    form = context["form"] = CheckpointForm(request.POST)
    if form.is_valid() and containers:
        # Without JavaScript nobody was asked before, so that nothing is left out.
        ready = _chosen(params, "ready") if "asked" in params else containers
        started, problems = _start(request, ready, form.options)
        left_out = [container for container in containers if container not in ready]
        if started:
            for container in left_out:
                messages.warning(request, f"{container} was left out: its preflight failed.")
            for problem in problems:
                messages.warning(request, f"{problem.message} {problem.remedy}")
            query = urlencode({"ids": ",".join(map(str, started))})
            return go_to(request, f"{reverse('operation-list')}?{query}")
        context["problems"] = problems
    return page_or_fragment(request, _PAGE, _FRAGMENT, context, status=UNPROCESSABLE)


def _start(
    request: HttpRequest, containers: Sequence[Container], options: CheckpointOptions
) -> tuple[list[int], list[Problem]]:
    started: list[int] = []
    problems: list[Problem] = []
    for container in containers:
        try:
            started.append(start_checkpoint(request.user, container, options).pk)
        except FerryError as error:
            problems.append(error.problem)
    return started, problems


@operator
@require_POST
def preflight_many(request: HttpRequest) -> HttpResponse:
    """Answer one verdict for each container that is chosen now."""
    form = CheckpointForm(request.POST)
    context: dict[str, Any] = {"form": form}
    if form.is_valid():
        verdicts = async_to_sync(_ask)(_chosen(request.POST), form.options)
        context["verdicts"] = verdicts
        context["ready"] = [verdict for verdict in verdicts if not verdict.blocked]
    return render(request, "containers/_checkpoint_many_preflight.html", context)


async def _ask(containers: Sequence[Container], options: CheckpointOptions) -> list[Verdict]:
    free = asyncio.Semaphore(_AT_ONCE)

    async def ask(container: Container) -> Verdict:
        async with free:
            try:
                findings = await preflight_checkpoint(container, options)
            except FerryError as error:
                return Verdict(container=container, problem=error.problem, blocked=True)
        return Verdict(container=container, findings=findings, blocked=bool(errors_in(findings)))

    return list(await asyncio.gather(*(ask(container) for container in containers)))
