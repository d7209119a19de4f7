"""One tracked run, and what happened in it. The row is the job."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.urls import reverse

from nodes.models.archive import Archive
from nodes.models.node import Node


class OperationKind(models.TextChoices):
    MIGRATE = "migrate", "Migrate"
    CHECKPOINT = "checkpoint", "Checkpoint"
    RESTORE = "restore", "Restore"
    PREPARE = "prepare", "Prepare"
    UNDO_PREPARE = "undo-prepare", "Undo preparation of"
    SELFTEST = "selftest", "Self-test of"


# Those of a node rather than of a container; the node is their source.
NODE_KINDS = (OperationKind.PREPARE, OperationKind.UNDO_PREPARE, OperationKind.SELFTEST)
# Those that change what every container of the node runs under: nothing else may run meanwhile.
EXCLUSIVE_KINDS = (OperationKind.PREPARE, OperationKind.UNDO_PREPARE)


class OperationState(models.TextChoices):
    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    SUCCEEDED = "succeeded", "Succeeded"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"
    # Neither node can be asked where the container runs: nothing is guessed.
    UNKNOWN = "unknown", "Unknown"


class PhaseState(models.TextChoices):
    PENDING = "pending", "Pending"
    RUNNING = "running", "Running"
    SUCCEEDED = "succeeded", "Done"
    FAILED = "failed", "Failed"
    SKIPPED = "skipped", "Not needed"


# What holds its container: a second operation on it has to wait.
UNFINISHED = (OperationState.QUEUED, OperationState.RUNNING, OperationState.UNKNOWN)


class OperationQuerySet(models.QuerySet["Operation"]):
    def unfinished(self) -> OperationQuerySet:
        return self.filter(state__in=UNFINISHED)

    def active(self) -> OperationQuerySet:
        return self.filter(state__in=[OperationState.QUEUED, OperationState.RUNNING])


class Operation(models.Model):
    kind = models.CharField(max_length=16, choices=OperationKind.choices)
    state = models.CharField(
        max_length=16,
        choices=OperationState.choices,
        default=OperationState.QUEUED,
        db_index=True,
    )
    phase = models.CharField(max_length=32, blank=True)
    # [{name, state, started_at, ended_at, bytes, total}], in order.
    phases = models.JSONField(default=list)
    container_podman_id = models.CharField(max_length=64, blank=True)
    container_name = models.CharField(max_length=255, blank=True, db_index=True)
    source = models.ForeignKey(
        Node, null=True, blank=True, on_delete=models.SET_NULL, related_name="operations_from"
    )
    source_name = models.CharField(max_length=63, blank=True)
    destination = models.ForeignKey(
        Node, null=True, blank=True, on_delete=models.SET_NULL, related_name="operations_to"
    )
    destination_name = models.CharField(max_length=63, blank=True)
    archive = models.ForeignKey(
        Archive, null=True, blank=True, on_delete=models.SET_NULL, related_name="operations"
    )
    schedule = models.ForeignKey(
        "nodes.Schedule",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="operations",
    )
    options = models.JSONField(default=dict)
    findings = models.JSONField(default=list)
    # What the workflow has done so far on the nodes, so that a restarted site can go on from it.
    journal = models.JSONField(default=dict)
    result = models.JSONField(default=dict)
    # A Problem as nodes/problem.py writes it, when it did not succeed.
    error = models.JSONField(default=dict)
    cancel_requested = models.BooleanField(default=False)
    # Who runs it, and when that process last said so: nodes/operations/worker.py.
    worker = models.CharField(max_length=128, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    # How often it was begun or taken up.
    attempts = models.PositiveSmallIntegerField(default=0)
    retry_of = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="retries"
    )
    # Whether it is in the tallies: nodes/health/tallying.py.
    tallied = models.BooleanField(default=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL
    )
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = OperationQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        permissions = [("operate", "Can start and cancel operations")]
        indexes = [
            models.Index(
                fields=["state"], condition=models.Q(tallied=False), name="untallied_operations"
            )
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["container_podman_id"],
                condition=models.Q(state__in=UNFINISHED) & ~models.Q(container_podman_id=""),
                name="one_unfinished_operation_per_container",
            ),
            models.UniqueConstraint(
                fields=["source"],
                condition=models.Q(state__in=UNFINISHED, kind__in=NODE_KINDS),
                name="one_unfinished_operation_of_a_node",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.subject}"

    @property
    def subject(self) -> str:
        """Return the name of the container, or of the node, that it is about."""
        return self.source_name if self.is_of_node else self.container_name

    @property
    def is_of_node(self) -> bool:
        return self.kind in NODE_KINDS

    def get_absolute_url(self) -> str:
        return reverse("operation-detail", args=[self.pk])

    @property
    def is_active(self) -> bool:
        return self.state in (OperationState.QUEUED, OperationState.RUNNING)

    @staticmethod
    def phase_duration_s(phase: Mapping[str, Any]) -> float | None:
        """Return how long a phase took, None for one that has not ended."""
        if not phase["started_at"] or not phase["ended_at"]:
            return None
        began = datetime.fromisoformat(phase["started_at"])
        return (datetime.fromisoformat(phase["ended_at"]) - began).total_seconds()

    @property
    def duration(self) -> timedelta | None:
        if self.started_at and self.ended_at:
            return self.ended_at - self.started_at
        return None


class OperationEvent(models.Model):
    operation = models.ForeignKey(Operation, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField(auto_now_add=True)
    phase = models.CharField(max_length=32, blank=True)
    level = models.CharField(max_length=8, default="info")  # info, warning, error
    message = models.TextField()

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.message


class OperationLog(models.Model):
    """A log fetched from a node when something failed there, whole, to be downloaded."""

    operation = models.ForeignKey(Operation, on_delete=models.CASCADE, related_name="logs")
    name = models.CharField(max_length=64)  # dump.log, restore.log, podman.log, …
    node_name = models.CharField(max_length=63)
    text = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.name} of {self.node_name}"
