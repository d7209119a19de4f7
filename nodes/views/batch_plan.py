"""The pages that plan a batch: evacuate a node, migrate several containers, bring them back."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_http_methods

from nodes.forms.batch import BatchForm, planned_in, wanted_in
from nodes.models import Batch, Container, Node
from nodes.operations.batch_plan import BatchPlan, plan_batch
from nodes.operations.batch_request import (
    BatchRequest,
    evacuation_of,
    migration_of,
    way_back_of,
)
from nodes.operations.batches import start_batch
from nodes.problem import FerryError
from nodes.views.access import operator
from nodes.views.answers import UNPROCESSABLE, go_to, page_or_fragment
from nodes.views.batch_rows import arrivals_of, rows_of

_PAGE, _FORM, _ROWS = "batches/plan.html", "batches/_plan.html", "batches/_plan_rows.html"
# The button, and htmx, that ask the nodes and start nothing.
_CHECK = "check"
_NUMBER = re.compile(r"[0-9]{1,18}")


@operator
@require_http_methods(["GET", "POST"])
def evacuate(request: HttpRequest, pk: int) -> HttpResponse:
    """Plan to move everything away from a node; start it."""
    node = get_object_or_404(Node, pk=pk)
    return _answer(request, evacuation_of(node), {"node": node, "back_to": node.get_absolute_url()})


@operator
@require_http_methods(["GET", "POST"])
def migrate_many(request: HttpRequest) -> HttpResponse:
    """Plan to move the chosen containers, from wherever they are; start it."""
    params = request.POST if request.method == "POST" else request.GET
    keys = [int(key) for key in params.getlist("container") if _NUMBER.fullmatch(key)]
    chosen = Container.objects.select_related("node").filter(pk__in=keys)
    wanted = migration_of(chosen.order_by("name", "node__name"))
    return _answer(request, wanted, {"chosen": True})


@operator
@require_http_methods(["GET", "POST"])
def bring_back(request: HttpRequest, pk: int) -> HttpResponse:
    """Plan to move what a batch has moved back where it came from; start it."""
    batch = get_object_or_404(Batch, pk=pk)
    try:
        wanted = way_back_of(batch)
    except FerryError as error:
        messages.warning(request, f"{error.problem.message} {error.problem.remedy}")
        return go_to(request, batch.get_absolute_url())
    return _answer(request, wanted, {"batch": batch, "back_to": batch.get_absolute_url()})


def _answer(request: HttpRequest, wanted: BatchRequest, context: dict[str, Any]) -> HttpResponse:
    """Show the plan without the nodes' answers, with them, or start the batch."""
    if request.method != "POST":
        # With the former batch's options, as far as there is one.
        former = wanted.back_of
        given = {name: value for name, value in former.options.items() if value} if former else {}
        how = {"parallelism": former.parallelism} if former else {}
        form = BatchForm(initial={**given, **how})
        return _page(request, wanted, form, None, context)
    form = BatchForm(request.POST)
    is_check = _CHECK in request.POST
    said = request.POST.dict(), wanted.containers, wanted.candidates
    wanted = replace(
        wanted,
        wanted={**wanted.wanted, **wanted_in(*said)},
        planned={} if is_check else planned_in(*said),
    )
    if not form.is_valid():
        return _page(request, wanted, form, None, context, status=UNPROCESSABLE)
    plan = plan_batch(replace(wanted, options=form.options))
    if is_check:
        return _page(request, wanted, form, plan, context)
    try:
        batch = start_batch(
            request.user,
            plan,
            parallelism=form.cleaned_data["parallelism"],
            pause_on_failure=form.cleaned_data["pause_on_failure"],
        )
    except FerryError as error:
        context["problem"] = error.problem
        return _page(request, wanted, form, plan, context, status=UNPROCESSABLE)
    return go_to(request, batch.get_absolute_url())


def _page(
    request: HttpRequest,
    wanted: BatchRequest,
    form: BatchForm,
    plan: BatchPlan | None,
    context: dict[str, Any],
    status: int = 200,
) -> HttpResponse:
    rows = rows_of(wanted, wanted.wanted, plan)
    context |= {
        "form": form,
        "batch_request": wanted,
        "plan": plan,
        "rows": [row for row in rows if row.can_choose],
        "staying": [row for row in rows if not row.can_choose],
        "arrivals": arrivals_of(plan) if plan else [],
    }
    fragment = _ROWS if _CHECK in request.POST else _FORM
    return page_or_fragment(request, _PAGE, fragment, context, status=status)
