"""One tracked run, and what happened in it. The row is the job."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import models
from django.urls import reverse

from nodes.models.archive import Archive
from nodes.models.node import Node


class OperationKind(models.TextChoices):
    MIGRATE = "migrate", "Migrate"
    CHECKPOINT = "checkpoint", "Checkpoint"
    RESTORE = "restore", "Restore"


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
    container_podman_id = models.CharField(max_length=64)
    container_name = models.CharField(max_length=255, db_index=True)
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
    options = models.JSONField(default=dict)
    findings = models.JSONField(default=list)
    # What the workflow has done so far on the nodes, so that a restarted site can go on from it.
    journal = models.JSONField(default=dict)
    result = models.JSONField(default=dict)
    # {code, message, cause, remedy} when it did not succeed.
    error = models.JSONField(default=dict)
    cancel_requested = models.BooleanField(default=False)
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
        constraints = [
            models.UniqueConstraint(
                fields=["container_podman_id"],
                condition=models.Q(state__in=UNFINISHED),
                name="one_unfinished_operation_per_container",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.container_name}"

    def get_absolute_url(self) -> str:
        return reverse("operation-detail", args=[self.pk])

    @property
    def is_active(self) -> bool:
        return self.state in (OperationState.QUEUED, OperationState.RUNNING)

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
