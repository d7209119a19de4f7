"""Make an API token, and its user if there is none."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.core.management import BaseCommand, CommandError, CommandParser

from nodes.audit import audit
from nodes.models import ApiToken
from nodes.models.role import Role, assign_role, role_of


class Command(BaseCommand):
    help = "Print one new API token of a user, alone on one line; make the user if it is new."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--user", required=True)
        parser.add_argument("--role", choices=Role.values, help="of a new user: operator")
        parser.add_argument("--name", default="command line")

    def handle(self, *args: Any, **options: Any) -> None:
        user, new = User.objects.get_or_create(username=options["user"])
        if new:
            user.set_unusable_password()
            user.save()
            assign_role(user, Role(options["role"] or Role.OPERATOR.value))
        elif options["role"] and role_of(user) != options["role"]:
            raise CommandError(
                f"{user.username} is {role_of(user).label.lower()}. Leave --role out to make a "
                "token with that role, or name another user."
            )
        _, token = ApiToken.issue(user, options["name"])
        audit(None, "token.create", user.username, by="create_token")
        self.stdout.write(token)
