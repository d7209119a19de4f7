"""Bring the database up to date, and make what an empty site lacks."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection

from nodes.backup.secret_key import settle_secret_key
from nodes.inventory.site_key import load_site_key
from nodes.models.role import Role, assign_role

PASSWORD_BYTES = 12
# Any number, the same in every process of the site.
_START_LOCK = 0x_FE44_1000


def bring_up_to_date(*, static_files: bool = False) -> str | None:
    """Make or change the tables, and return the password of a new first admin, if there is one.

    With ``static_files`` these are put where they are served from. Of several processes that
    start at once one does it, and the others wait.
    """
    with _one_at_a_time():
        call_command("migrate", verbosity=0)
        if static_files:
            call_command("collectstatic", interactive=False, verbosity=0)
        # Before anything is decrypted: a restore may have been killed.
        settle_secret_key()
        load_site_key()
        return make_first_admin()


def make_first_admin() -> str | None:
    """Return the password of a new user named admin, or None if the site has users already."""
    if User.objects.exists():
        return None
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    assign_role(User.objects.create_user("admin", password=password), Role.ADMIN)
    return password


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    if connection.vendor != "postgresql":
        # One process serves, and holds a lock on its folder.
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [_START_LOCK])
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_START_LOCK])
