"""Who did what, for the acts that matter later."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class AuditEvent(models.Model):
    at = models.DateTimeField(auto_now_add=True, db_index=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL
    )
    # Kept beside the key, so that the log still says who after the user is gone.
    user_name = models.CharField(max_length=150)
    action = models.CharField(max_length=40)  # noun.verb: archive.download, node.add
    subject = models.CharField(max_length=255)
    detail = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["-at"]
        indexes = [models.Index(fields=["action", "-at"], name="audit_events_of_an_action")]

    def __str__(self) -> str:
        return f"{self.user_name} {self.action} {self.subject}"
