"""What only one of several processes may do at a time, and who does it."""

from __future__ import annotations

from datetime import timedelta

from django.db import models
from django.db.models.functions import Now


class Lease(models.Model):
    """Held by a process until it expires; whoever holds it renews it in time."""

    name = models.CharField(max_length=32, primary_key=True)
    holder = models.CharField(max_length=128)
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name}: {self.holder}"

    @classmethod
    def take(cls, name: str, holder: str, seconds: float) -> bool:
        """Hold the lease from now on for so long, or return False: somebody else does."""
        # By the database's clock alone: those of several machines differ.
        ends = Now() + timedelta(seconds=seconds)
        free = models.Q(holder=holder) | models.Q(expires_at__lt=Now())
        if cls.objects.filter(free, name=name).update(holder=holder, expires_at=ends):
            return True
        _, created = cls.objects.get_or_create(
            name=name, defaults={"holder": holder, "expires_at": ends}
        )
        return created

    @classmethod
    def give_back(cls, name: str, holder: str) -> None:
        """Let somebody else hold it at once."""
        cls.objects.filter(name=name, holder=holder).delete()
