"""The last observation of a container. Podman is the truth: ask the node before acting."""

from __future__ import annotations

from django.db import models
from django.urls import reverse

from nodes.models.node import Node


class Container(models.Model):
    node = models.ForeignKey(Node, on_delete=models.CASCADE, related_name="containers")
    podman_id = models.CharField(max_length=64)
    name = models.CharField(max_length=255, db_index=True)
    image = models.CharField(max_length=512, blank=True)
    image_id = models.CharField(max_length=64, blank=True)
    # Podman's word: running, exited, created, paused, stopped, …
    state = models.CharField(max_length=32, db_index=True)
    # Podman's sentence: "Up 3 minutes".
    status = models.CharField(max_length=255, blank=True)
    command = models.JSONField(default=list, blank=True)
    ports = models.JSONField(default=list, blank=True)
    labels = models.JSONField(default=dict, blank=True)
    mounts = models.JSONField(default=list, blank=True)
    networks = models.JSONField(default=list, blank=True)
    pod = models.CharField(max_length=255, blank=True)
    exit_code = models.IntegerField(null=True, blank=True)
    created_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    observed_at = models.DateTimeField()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["node", "podman_id"], name="one_row_per_container")
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("container-detail", args=[self.node_id, self.podman_id])

    @property
    def is_running(self) -> bool:
        return self.state == "running"

    @property
    def short_id(self) -> str:
        return self.podman_id[:12]
