"""The processes that run operations, each saying every few seconds that it lives."""

from __future__ import annotations

from django.db import models


class Worker(models.Model):
    """One process; its row goes with it, or stays behind, silent, when it was killed."""

    name = models.CharField(max_length=128, primary_key=True)
    started_at = models.DateTimeField(auto_now_add=True)
    seen_at = models.DateTimeField(db_index=True)
    # It takes up nothing new.
    stopping = models.BooleanField(default=False)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
