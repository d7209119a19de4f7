"""Who may call what: a bearer token, and the permission that its user must have."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.http import HttpRequest
from ninja.errors import AuthorizationError
from ninja.security import HttpBearer

from nodes.models import ApiToken


class Bearer(HttpBearer):
    """Let the user of a valid token in; ``permission`` is one of those of views/access.py."""

    def __init__(self, permission: str = "") -> None:
        super().__init__()
        self.permission = permission

    def authenticate(self, request: HttpRequest, token: str) -> User | None:
        """Return the token's user, or None. Raises AuthorizationError without the permission."""
        row = ApiToken.authenticate(token)
        if row is None:
            return None
        user: User = row.user
        request.user = user
        if self.permission and not user.has_perm(self.permission):
            raise AuthorizationError(message=f"{user.username} lacks {self.permission}.")
        return user


viewer = Bearer()
operator = Bearer("nodes.operate")
downloader = Bearer("nodes.download_archive")
uploader = Bearer("nodes.add_archive")
memory_searcher = Bearer("nodes.search_memory")
archive_editor = Bearer("nodes.change_archive")
archive_deleter = Bearer("nodes.delete_archive")
admin = Bearer("nodes.manage_nodes")
