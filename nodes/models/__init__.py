"""The rows: what the site knows and what it has done."""

from __future__ import annotations

from nodes.models.archive import Archive, ArchiveState
from nodes.models.audit import AuditEvent
from nodes.models.container import Container
from nodes.models.node import Node, NodeEvent, NodeState
from nodes.models.operation import (
    EXCLUSIVE_KINDS,
    NODE_KINDS,
    Operation,
    OperationEvent,
    OperationKind,
    OperationLog,
    OperationState,
    PhaseState,
)
from nodes.models.role import Role
from nodes.models.site_key import SiteKey
from nodes.models.token import ApiToken

__all__ = [
    "EXCLUSIVE_KINDS",
    "NODE_KINDS",
    "ApiToken",
    "Archive",
    "ArchiveState",
    "AuditEvent",
    "Container",
    "Node",
    "NodeEvent",
    "NodeState",
    "Operation",
    "OperationEvent",
    "OperationKind",
    "OperationLog",
    "OperationState",
    "PhaseState",
    "Role",
    "SiteKey",
]
