"""Several migrations that are run as one: an evacuation, a bulk migrate, bringing back."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.urls import reverse

from nodes.models.node import Node
from nodes.models.operation import Operation


class BatchKind(models.TextChoices):
    EVACUATE = "evacuate", "Evacuate"
    MIGRATE = "migrate", "Migrate several containers"
    BRING_BACK = "bring-back", "Bring back to"


class BatchState(models.TextChoices):
    RUNNING = "running", "Running"
    # What has begun goes on, nothing new begins.
    PAUSED = "paused", "Paused"
    ENDED = "ended", "Ended"
    CANCELLED = "cancelled", "Cancelled"


class BatchItemState(models.TextChoices):
    WAITING = "waiting", "Waiting"
    RUNNING = "running", "Running"
    SUCCEEDED = "succeeded", "Moved"
    FAILED = "failed", "Failed"
    SKIPPED = "skipped", "Left where it is"


class BatchQuerySet(models.QuerySet["Batch"]):
    def with_counts(self) -> BatchQuerySet:
        """Annotate each with the number of its items in every state: ``waiting_count``, …"""
        return self.annotate(
            **{
                f"{state.value}_count": models.Count("items", filter=models.Q(items__state=state))
                for state in BatchItemState
            }
        )


class Batch(models.Model):
    kind = models.CharField(max_length=16, choices=BatchKind.choices)
    state = models.CharField(
        max_length=16, choices=BatchState.choices, default=BatchState.RUNNING, db_index=True
    )
    # The node that is emptied, or to which is brought back; none for a selection.
    node = models.ForeignKey(
        Node, null=True, blank=True, on_delete=models.SET_NULL, related_name="batches"
    )
    node_name = models.CharField(max_length=63, blank=True)
    # How many migrations run at once.
    parallelism = models.PositiveSmallIntegerField(default=2)
    pause_on_failure = models.BooleanField(default=False)
    options = models.JSONField(default=dict)
    back_of = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="ways_back"
    )
    # Why it is paused, if it was not somebody's wish.
    pause_reason = models.TextField(blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL
    )
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = BatchQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        if self.kind == BatchKind.BRING_BACK and not self.node_name:
            return "Bring several containers back"
        return f"{self.get_kind_display()} {self.node_name}".strip()

    def get_absolute_url(self) -> str:
        return reverse("batch-detail", args=[self.pk])

    @property
    def is_active(self) -> bool:
        """Tell whether anything of it still waits or runs; a cancelled one may be, too."""
        return self.ended_at is None

    @property
    def is_under_way(self) -> bool:
        return self.is_active and self.state != BatchState.PAUSED

    @property
    def counts(self) -> dict[str, int]:
        """Return the number of its items in each state; it has to come from with_counts()."""
        return {state.value: getattr(self, f"{state.value}_count") for state in BatchItemState}

    @property
    def moving_count(self) -> int:
        """Return how many containers it is to move: all but those that it leaves."""
        return sum(self.counts.values()) - self.counts[BatchItemState.SKIPPED]


class BatchItem(models.Model):
    """One container of a batch, in the batch's order."""

    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="items")
    container_podman_id = models.CharField(max_length=64)
    container_name = models.CharField(max_length=255)
    source = models.ForeignKey(Node, null=True, on_delete=models.SET_NULL, related_name="+")
    source_name = models.CharField(max_length=63)
    destination = models.ForeignKey(
        Node, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    destination_name = models.CharField(max_length=63, blank=True)
    # What its processes had in memory when the batch was planned.
    memory_bytes = models.BigIntegerField(null=True, blank=True)
    state = models.CharField(
        max_length=16, choices=BatchItemState.choices, default=BatchItemState.WAITING
    )
    operation = models.ForeignKey(
        Operation, null=True, blank=True, on_delete=models.SET_NULL, related_name="batch_items"
    )
    # How often it was begun: what the stop of the site took back is begun again by itself.
    attempts = models.PositiveSmallIntegerField(default=0)
    # Why it is left where it is, failed, or has to wait, in a sentence.
    reason = models.TextField(blank=True)
    findings = models.JSONField(default=list)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.container_name}: {self.source_name} to {self.destination_name}"

    @property
    def is_running(self) -> bool:
        return self.state == BatchItemState.RUNNING
