"""Find what a request names: nodes and archives by id, nodes and containers by name too."""

from __future__ import annotations

import re
from collections.abc import Callable

from asgiref.sync import async_to_sync
from django.core.exceptions import ValidationError
from django.db.models import Q

from nodes.api.containers import ask_for_containers
from nodes.api.problems import Unprocessable
from nodes.models import Archive, Container, Node
from nodes.models.validators import validate_container_name, validate_node_name

Reference = int | str
_ID_PREFIX = re.compile(r"[0-9a-f]{12,64}")
_NUMBER = re.compile(r"[0-9]{1,18}")
_SHOWN_CHARS = 80


def find_node(reference: Reference | None, field: str) -> Node:
    """Return the node of this id or name. Raises Unprocessable."""
    if reference is None:
        raise Unprocessable(f"A {field} is needed: a node's id or name.", field=field)
    found = None
    # A node may be called 7: text means a name first.
    if isinstance(reference, str) and _is_valid(reference, validate_node_name):
        found = Node.objects.filter(name=reference).first()
    if found is None and _is_number(reference):
        found = Node.objects.filter(pk=int(reference)).first()
    if found is None:
        message = f"There is no node {_shown(reference)}."
        raise Unprocessable(message, code="unknown_node", field=field)
    return found


def find_archive(pk: int | None) -> Archive:
    """Return the archive of this id. Raises Unprocessable."""
    if pk is None:
        raise Unprocessable("An archive is needed: its id.", field="archive")
    # Larger numbers are beyond what the database knows.
    found = Archive.objects.filter(pk=pk).first() if _is_number(str(pk)) else None
    if found is None:
        message = f"There is no archive {_shown(pk)}."
        raise Unprocessable(
            message,
            code="unknown_archive",
            remedy="See GET /api/v1/archives for those that there are.",
            field="archive",
        )
    return found


def find_container(reference: Reference | None, node: Node) -> Container:
    """Return the container of this row id, Podman id (12 digits suffice) or name on the node.

    The node is asked when no row fits. Raises Unprocessable and what the node's session raises.
    """
    if reference is None:
        raise Unprocessable("A container is needed: its id or name.", field="container")
    if isinstance(reference, str) and not _is_valid(reference, validate_container_name):
        raise Unprocessable("This is not a container's id or name.", field="container")
    found = _matching(reference, node)
    if not found and isinstance(reference, str):
        # It may be younger than the last observation.
        async_to_sync(ask_for_containers)(node)
        found = _matching(reference, node)
    if len(found) != 1:
        many = f"{len(found)} containers on {node.name} fit" if found else ""
        raise Unprocessable(
            f"{many or f'There is no container on {node.name} that fits'} {_shown(reference)}.",
            code="ambiguous_container" if found else "unknown_container",
            remedy=f"See GET /api/v1/nodes/{node.pk}/containers for what is there.",
            field="container",
        )
    return found[0]


def _matching(reference: Reference, node: Node) -> list[Container]:
    containers = node.containers.select_related("node")
    if isinstance(reference, str):
        if exact := list(containers.filter(Q(name=reference) | Q(podman_id=reference))):
            return exact
        if _ID_PREFIX.fullmatch(reference):
            return list(containers.filter(podman_id__startswith=reference))
    return list(containers.filter(pk=int(reference))) if _is_number(reference) else []


def _is_valid(reference: str, validate: Callable[[str], None]) -> bool:
    try:
        validate(reference)
    except ValidationError:
        return False
    return True


def _is_number(reference: Reference) -> bool:
    return isinstance(reference, int) or _NUMBER.fullmatch(reference) is not None


def _shown(reference: Reference) -> str:
    return repr(reference)[:_SHOWN_CHARS]
