"""The rows: what the site knows and what it has done."""

from __future__ import annotations

from nodes.models.archive import Archive, ArchiveOrigin, ArchiveState, ContentsState
from nodes.models.audit import AuditEvent
from nodes.models.batch import Batch, BatchItem, BatchItemState, BatchKind, BatchState
from nodes.models.container import Container
from nodes.models.lease import Lease
from nodes.models.leftover import Leftover
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
from nodes.models.schedule import CatalogRetention, KeepRulesFields, Schedule, ScheduleRun
from nodes.models.section import ArchiveSection
from nodes.models.site_key import SiteKey
from nodes.models.tag import Tag
from nodes.models.tally import Measure, Tally
from nodes.models.token import ApiToken
from nodes.models.worker import Worker

__all__ = [
    "EXCLUSIVE_KINDS",
    "NODE_KINDS",
    "ApiToken",
    "Archive",
    "ArchiveOrigin",
    "ArchiveSection",
    "ArchiveState",
    "AuditEvent",
    "Batch",
    "BatchItem",
    "BatchItemState",
    "BatchKind",
    "BatchState",
    "CatalogRetention",
    "Container",
    "ContentsState",
    "KeepRulesFields",
    "Lease",
    "Leftover",
    "Measure",
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
    "Schedule",
    "ScheduleRun",
    "SiteKey",
    "Tag",
    "Tally",
    "Worker",
]
