"""Write the audit log."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User

from nodes.models import AuditEvent


def audit(
    user: AbstractBaseUser | AnonymousUser | None, action: str, subject: object, **detail: Any
) -> AuditEvent:
    """Note that the user did ``action`` (noun.verb) with ``subject``; never pass a secret."""
    known = user if isinstance(user, User) else None
    return AuditEvent.objects.create(
        user=known,
        user_name=known.get_username() if known else "",
        action=action,
        subject=str(subject),
        detail=detail,
    )
