"""Read again who looks at an open page: a websocket sees neither a sign-out nor a new password."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.auth.models import User
from django.utils.crypto import constant_time_compare


def user_signed_in(scope: Mapping[str, Any]) -> User | None:
    """Return the user of the websocket's session as both are now, None if it has none any more.

    django.contrib.auth.get_user() may write into the session, whose cookie nothing here sets.
    """
    store = import_module(settings.SESSION_ENGINE).SessionStore
    session: Mapping[str, Any] = store(scope["session"].session_key).load()
    # Another object: permissions are cached in the old one.
    users: Any = get_user_model().objects.filter(is_active=True)
    user: User | None = users.filter(pk=session.get(SESSION_KEY)).first()
    if user is None:
        return None
    # As AuthMiddlewareStack when the page connects: a new password is another hash.
    fits = constant_time_compare(session.get(HASH_SESSION_KEY, ""), user.get_session_auth_hash())
    return user if fits else None
