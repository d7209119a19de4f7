"""One node: add, look at, edit, confirm its host key, remove, reconnect."""

from __future__ import annotations

from typing import Any

from asgiref.sync import async_to_sync
from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from nodes.finding import Fix, Level
from nodes.forms import HostKeyForm, NodeForm
from nodes.inventory.membership import (
    NodeBusy,
    add_node,
    change_node,
    look_now,
    pin_host_key,
    remove_node,
    unfinished_operations,
)
from nodes.inventory.site_key import load_site_key
from nodes.models import NODE_KINDS, Node, NodeState, Operation
from nodes.operations.start_node import undoable_preparation
from nodes.problem import FerryError
from nodes.ssh.host_key import fetch_host_key, parse_host_key
from nodes.views.access import admin, operator, viewer
from nodes.views.answers import UNPROCESSABLE
from nodes.views.fleet import nodes_with_containers

RECENT_OPERATIONS = 10
RECENT_EVENTS = 20


def operations_of(node: Node) -> QuerySet[Operation]:
    """Return the latest operations that the node takes part in."""
    operations = Operation.objects.filter(Q(source=node) | Q(destination=node))
    return operations.select_related("source", "destination")[:RECENT_OPERATIONS]


@viewer
@require_GET
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    node = get_object_or_404(nodes_with_containers(), pk=pk)
    return render(request, "nodes/detail.html", node_context(node))


def node_context(node: Node) -> dict[str, Any]:
    return {
        "node": node,
        "containers": node.containers.all(),
        "operations": operations_of(node),
        "events": node.events.all()[:RECENT_EVENTS],
        "public_key": load_site_key().public_key,
        "undoable": undoable_preparation(node),
        "preparable": any(found.get("fix") == Fix.PREPARE for found in node.findings),
        "unfinished": unfinished_operations(node).filter(kind__in=NODE_KINDS).first(),
    }


@admin
@require_http_methods(["GET", "POST"])
@sensitive_post_parameters("password")
def add(request: HttpRequest) -> HttpResponse:
    """Ask where the node is; then show its host key; then, once confirmed, add it."""
    form = NodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        node: Node = form.save(commit=False)
        if "host_key" in request.POST:
            return _add_confirmed(request, form, node)
        return _show_host_key(request, form, node)
    status = UNPROCESSABLE if request.method == "POST" else 200
    context = {"form": form, "public_key": load_site_key().public_key}
    return render(request, "nodes/add.html", context, status=status)


def _show_host_key(request: HttpRequest, form: NodeForm, node: Node) -> HttpResponse:
    public_key = load_site_key().public_key
    try:
        found = async_to_sync(fetch_host_key)(node.name, node.host, node.port)
    except FerryError as error:
        context = {"form": form, "public_key": public_key, "problem": error.problem}
        return render(request, "nodes/add.html", context, status=UNPROCESSABLE)
    context = {
        "form": form,
        "node": node,
        "public_key": public_key,
        "fingerprint": found.fingerprint,
        "key_form": HostKeyForm(initial={"host_key": found.key}),
    }
    return render(request, "nodes/confirm.html", context)


def _add_confirmed(request: HttpRequest, form: NodeForm, node: Node) -> HttpResponse:
    key_form = HostKeyForm(request.POST)
    if not key_form.is_valid():
        return _show_host_key(request, form, node)
    node.host_key = key_form.cleaned_data["host_key"]
    try:
        add_node(request.user, node, password=key_form.cleaned_data["password"])
    except FerryError as error:
        key = parse_host_key(node.host_key)
        context = {
            "form": form,
            "node": node,
            "public_key": load_site_key().public_key,
            "fingerprint": key.fingerprint if key else "",
            "key_form": HostKeyForm(initial={"host_key": node.host_key}),
            "problem": error.problem,
        }
        return render(request, "nodes/confirm.html", context, status=UNPROCESSABLE)
    return redirect(node)


@admin
@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    node = get_object_or_404(Node, pk=pk)
    form = NodeForm(request.POST or None, instance=node)
    if request.method == "POST" and form.is_valid():
        try:
            change_node(request.user, node, form.changed_data)
        except NodeBusy as error:
            form.add_error(None, f"{error.problem.message} {error.problem.remedy}")
        else:
            return redirect(node)
    status = UNPROCESSABLE if request.method == "POST" else 200
    return render(request, "nodes/edit.html", {"form": form, "node": node}, status=status)


@admin
@require_http_methods(["GET", "POST"])
def confirm_host_key(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the pinned host key beside the one that the host shows now; pin the new one."""
    node = get_object_or_404(Node, pk=pk)
    form = HostKeyForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            pin_host_key(request.user, node, form.cleaned_data["host_key"])
        except NodeBusy as error:
            messages.warning(request, f"{error.problem.message} {error.problem.remedy}")
        return redirect(node)
    context: dict[str, object] = {"node": node}
    try:
        found = async_to_sync(fetch_host_key)(node.name, node.host, node.port)
    except FerryError as error:
        context["problem"] = error.problem
    else:
        context["found"] = found
        context["same"] = found.key == node.host_key
        context["form"] = HostKeyForm(initial={"host_key": found.key})
    return render(request, "nodes/host_key.html", context)


@admin
@require_http_methods(["GET", "POST"])
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Forget a node; nothing on the host changes. Refused while an operation uses it."""
    node = get_object_or_404(Node, pk=pk)
    status = 200
    if request.method == "POST":
        try:
            remove_node(request.user, node)
        except NodeBusy:
            status = UNPROCESSABLE
        else:
            messages.success(request, f"{node.name} was removed. Nothing on the host was changed.")
            return redirect("fleet")
    context = {"node": node, "busy": unfinished_operations(node)}
    return render(request, "nodes/remove.html", context, status=status)


@operator
@require_POST
def reconnect(request: HttpRequest, pk: int) -> HttpResponse:
    node = get_object_or_404(Node, pk=pk)
    look_now(node)
    if node.state == NodeState.ONLINE:
        marked = sum(finding["level"] != Level.OK for finding in node.findings)
        if marked:
            messages.warning(request, f"{node.name} is online, but {marked} checks do not pass.")
        else:
            messages.success(request, f"{node.name} is online, and every check passes.")
    return redirect(node)
