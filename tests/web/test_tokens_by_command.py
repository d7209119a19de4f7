"""A token made on the command line belongs to a user whose role it does not change."""

from __future__ import annotations

from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from nodes.models import ApiToken
from nodes.models.role import Role, role_of

pytestmark = pytest.mark.django_db


def made(*arguments: str) -> str:
    said = StringIO()
    call_command("create_token", *arguments, stdout=said)
    return said.getvalue().strip()


@pytest.mark.parametrize("role", Role.values)
def test_a_new_user_gets_the_role_and_a_token_alone_on_a_line(role: str) -> None:
    token = made("--user", "ci", "--role", role)
    row = ApiToken.authenticate(token)
    assert row is not None
    assert (row.user.username, role_of(row.user)) == ("ci", role)


def test_another_token_of_a_user_may_name_the_role_or_not() -> None:
    tokens = {
        made("--user", "ci"),
        made("--user", "ci"),
        made("--user", "ci", "--role", "operator"),
    }
    assert len(tokens) == 3


def test_a_user_with_another_role_keeps_it_and_gets_no_token(ada: User) -> None:
    with pytest.raises(CommandError, match="ada is admin"):
        made("--user", "ada", "--role", "operator")
    assert role_of(ada) == Role.ADMIN
    assert not ApiToken.objects.filter(user=ada).exists()
