"""Bearer tokens of the API. Only a hash is kept."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import models
from django.utils import timezone

NOTED_EVERY = timedelta(minutes=1)


class ApiToken(models.Model):
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens"
    )
    name = models.CharField(max_length=100)
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def issue(cls, user: AbstractBaseUser, name: str) -> tuple[ApiToken, str]:
        """Return the row and the token itself, which cannot be read again."""
        token = f"ferry_{secrets.token_urlsafe(32)}"
        return cls.objects.create(user=user, name=name, digest=_digest(token)), token

    @classmethod
    def authenticate(cls, token: str) -> ApiToken | None:
        """Return the row of a valid token of an active user and note its use, else None."""
        row = (
            cls.objects.select_related("user")
            .filter(digest=_digest(token), user__is_active=True)
            .first()
        )
        now = timezone.now()
        # A program that asks every second need not make the database write every second.
        if row is not None and (row.last_used_at is None or now - row.last_used_at > NOTED_EVERY):
            row.last_used_at = now
            row.save(update_fields=["last_used_at"])
        return row


def _digest(token: str) -> str:
    # The token holds 256 random bits: a plain hash is enough, and can be looked up.
    return hashlib.sha256(token.encode()).hexdigest()
