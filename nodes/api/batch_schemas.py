"""What the API takes and answers of batches; the names are the contract with programs outside."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from ninja import Field, Schema
from pydantic import ConfigDict

from nodes.api.references import Reference
from nodes.api.schemas import FindingOut
from nodes.models import Batch, BatchItem
from nodes.operations.batch_plan import BatchPlan, PlannedItem
from nodes.operations.batches import MOST_AT_ONCE


class ContainerIn(Schema):
    model_config = ConfigDict(extra="forbid")

    node: Reference
    container: Reference


class BatchIn(Schema):
    """What to move: everything of ``node``, or these ``containers``.

    ``destinations`` chooses a node by container (its name or Podman's ID); null leaves it where
    it is, and what is not named goes where most memory is free.
    """

    model_config = ConfigDict(extra="forbid")

    kind: Literal["evacuate", "migrate"]
    node: Reference | None = None
    containers: list[ContainerIn] = Field([], max_length=1000)
    destinations: dict[str, Reference | None] = {}
    parallelism: int = Field(2, ge=1, le=MOST_AT_ONCE)
    pause_on_failure: bool = False
    options: dict[str, Any] = {}


class PlannedItemOut(Schema):
    container: str
    container_podman_id: str
    source: int
    source_name: str
    # null where it stays; ``reason`` says why.
    destination: int | None
    destination_name: str
    memory_bytes: int | None
    reason: str
    warning: str
    findings: list[FindingOut]

    @classmethod
    def of(cls, item: PlannedItem) -> dict[str, Any]:
        container, destination = item.container, item.destination
        return {
            "container": container.name,
            "container_podman_id": container.podman_id,
            "source": container.node_id,
            "source_name": container.node.name,
            "destination": destination.pk if destination else None,
            "destination_name": destination.name if destination else "",
            "memory_bytes": item.memory_bytes,
            "reason": item.choice.reason,
            "warning": item.choice.warning,
            "findings": [finding.as_dict() for finding in item.findings],
        }


class BatchPlanOut(Schema):
    items: list[PlannedItemOut]
    # Memory that is free now on each node that may be chosen; null where it did not tell.
    free_bytes: dict[str, int | None]

    @classmethod
    def of(cls, plan: BatchPlan) -> dict[str, Any]:
        items = [PlannedItemOut.of(item) for item in plan.items]
        return {"items": items, "free_bytes": dict(plan.free_bytes)}


class BatchOut(Schema):
    id: int
    kind: str
    # running, paused, ended or cancelled.
    state: str
    node: int | None
    node_name: str
    parallelism: int
    pause_on_failure: bool
    pause_reason: str
    options: dict[str, Any]
    back_of: int | None
    # How many of its containers are in each state.
    counts: dict[str, int]
    created_by: str | None
    created_at: datetime
    ended_at: datetime | None

    @staticmethod
    def resolve_node(batch: Batch) -> int | None:
        return batch.node_id

    @staticmethod
    def resolve_back_of(batch: Batch) -> int | None:
        return batch.back_of_id

    @staticmethod
    def resolve_counts(batch: Batch) -> dict[str, int]:
        return batch.counts

    @staticmethod
    def resolve_created_by(batch: Batch) -> str | None:
        return batch.created_by.get_username() if batch.created_by else None


class BatchItemOut(Schema):
    id: int
    container: str
    container_podman_id: str
    source: int | None
    source_name: str
    destination: int | None
    destination_name: str
    # waiting, running, succeeded, failed or skipped.
    state: str
    reason: str
    memory_bytes: int | None
    operation: int | None
    attempts: int
    findings: list[FindingOut]

    @staticmethod
    def resolve_container(item: BatchItem) -> str:
        return item.container_name

    @staticmethod
    def resolve_source(item: BatchItem) -> int | None:
        return item.source_id

    @staticmethod
    def resolve_destination(item: BatchItem) -> int | None:
        return item.destination_id

    @staticmethod
    def resolve_operation(item: BatchItem) -> int | None:
        return item.operation_id


class BatchDetailOut(BatchOut):
    items: list[BatchItemOut]

    @staticmethod
    def resolve_items(batch: Batch) -> list[BatchItem]:
        return list(batch.items.all())
