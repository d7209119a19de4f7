"""What the operations that have ended add up to, so that nobody has to read them all."""

from __future__ import annotations

from typing import Any

from django.db import models

# Upper ends of the ranges that are counted, in seconds; the last range has none.
BUCKETS_S = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 7200.0)


class Measure(models.TextChoices):
    OPERATION = "operation", "Duration of operations"
    PHASE = "phase", "Duration of phases"
    DOWNTIME = "downtime", "Downtime of containers"
    BYTES = "bytes", "Bytes of phases"


def no_counts() -> list[Any]:
    return [0] * (len(BUCKETS_S) + 1)


class Tally(models.Model):
    measure = models.CharField(max_length=16, choices=Measure.choices)
    kind = models.CharField(max_length=16)
    # "" where the measure is of whole operations; so is the state of what is not.
    phase = models.CharField(max_length=32, blank=True)
    state = models.CharField(max_length=16, blank=True)
    # How many fell into each range of BUCKETS_S, not added up.
    counts = models.JSONField(default=no_counts)
    total = models.FloatField(default=0)  # seconds or bytes, as the measure says

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["measure", "kind", "phase", "state"], name="one_tally_of_each"
            )
        ]

    def __str__(self) -> str:
        return f"{self.measure} {self.kind} {self.phase} {self.state}".strip()
