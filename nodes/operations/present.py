"""The nodes of an operation, which may have been removed from the site meanwhile."""

from __future__ import annotations

from nodes.models import Node
from nodes.operations.errors import WorkflowError


def present(node: Node | None, name: str) -> Node:
    """Return the node. Raises WorkflowError when it was removed from the site."""
    if node is None:
        raise WorkflowError(
            f"The node {name} was removed from the site.",
            remedy=f"Add {name} again, then try again.",
        )
    return node
