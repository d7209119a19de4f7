"""Make the first admin of an empty site."""

from __future__ import annotations

import secrets

from django.contrib.auth.models import User

from nodes.models.role import Role, assign_role

PASSWORD_BYTES = 12


def make_first_admin() -> str | None:
    """Return the password of a new user named admin, or None if the site has users already."""
    if User.objects.exists():
        return None
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    assign_role(User.objects.create_user("admin", password=password), Role.ADMIN)
    return password
