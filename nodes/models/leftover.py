"""What an operation could not remove from a node."""

from __future__ import annotations

from django.db import models

from nodes.models.node import Node
from nodes.models.operation import Operation


class Leftover(models.Model):
    """Something of the operation lies on the node; it is removed once the node lets go of it."""

    operation = models.ForeignKey(Operation, on_delete=models.CASCADE, related_name="leftovers")
    node = models.ForeignKey(Node, on_delete=models.CASCADE, related_name="leftovers")
    tried_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["operation", "node"], name="one_leftover_of_each")
        ]

    def __str__(self) -> str:
        return f"{self.operation} on {self.node}"
