"""The Django application."""

from __future__ import annotations

from django.apps import AppConfig
from django.conf import settings
from django.db.models.signals import post_migrate


class NodesConfig(AppConfig):
    name = "nodes"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # Registers itself.
        import nodes.site_checks  # noqa: F401
        from nodes.models.postgres_text import replace_nul_on_postgres
        from nodes.models.role import create_role_groups
        from nodes.operations.patience import PATIENCE

        replace_nul_on_postgres()
        post_migrate.connect(create_role_groups, sender=self)
        # The workflows know no settings.
        PATIENCE.lost_for_s = settings.FERRY_LOST_FOR_S
        PATIENCE.stalled_after_s = settings.FERRY_STALLED_AFTER_S
