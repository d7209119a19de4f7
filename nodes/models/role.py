"""The three roles, kept as Django groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import Group, Permission, User
from django.db import models


class Role(models.TextChoices):
    """A viewer may look, an operator may act, an admin may manage nodes and users."""

    VIEWER = "viewer", "Viewer"
    OPERATOR = "operator", "Operator"
    ADMIN = "admin", "Admin"


OPERATOR_PERMISSIONS = [
    "operate",
    "add_archive",
    "download_archive",
    "change_archive",
    "delete_archive",
]
ADMIN_PERMISSIONS = [*OPERATOR_PERMISSIONS, "search_memory", "manage_nodes", "view_auditevent"]
USER_PERMISSIONS = ["add_user", "change_user", "delete_user", "view_user", "view_group"]


def create_role_groups(**_: Any) -> None:
    """Make the groups and set their permissions; runs after every migrate."""
    for role, codenames in (
        (Role.VIEWER, []),
        (Role.OPERATOR, OPERATOR_PERMISSIONS),
        (Role.ADMIN, ADMIN_PERMISSIONS + USER_PERMISSIONS),
    ):
        group, _created = Group.objects.get_or_create(name=role.value)
        group.permissions.set(
            Permission.objects.filter(
                codename__in=codenames, content_type__app_label__in=["nodes", "auth"]
            )
        )


def assign_role(user: User, role: Role) -> None:
    """Give the user this role and no other; admins may enter Django's user pages."""
    user.groups.remove(*Group.objects.filter(name__in=Role.values))
    user.groups.add(Group.objects.get(name=role.value))
    user.is_staff = role == Role.ADMIN
    user.save(update_fields=["is_staff"])


def role_of(user: User) -> Role:
    """Return the highest role that the user has; a user without any may only look."""
    if user.is_superuser:
        return Role.ADMIN
    names = set(user.groups.values_list("name", flat=True))
    return next((r for r in (Role.ADMIN, Role.OPERATOR) if r.value in names), Role.VIEWER)


@dataclass(frozen=True)
class Rights:
    """What a user may do, and nothing else of the user: equal for all who may do the same.

    A template may be given it in the place of the user whose permissions it asks for.
    """

    role: Role
    permissions: frozenset[str]

    def has_perm(self, permission: str) -> bool:
        return permission in self.permissions

    def has_module_perms(self, app_label: str) -> bool:
        return any(permission.startswith(f"{app_label}.") for permission in self.permissions)


def rights_of(user: User | Rights) -> Rights:
    """Return what the user may do; the permissions are read once for each user object."""
    if isinstance(user, Rights):
        return user
    return Rights(role=role_of(user), permissions=frozenset(user.get_all_permissions()))


def may_operate(user: User | None) -> bool:
    """Tell whether somebody may start operations now; nobody who was removed or locked may."""
    return user is not None and user.has_perm("nodes.operate")
