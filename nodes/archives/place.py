"""Where the catalog's files are."""

from __future__ import annotations

from django.conf import settings

from nodes.catalog.store import Store


def archive_store() -> Store:
    return Store(settings.FERRY_ARCHIVES_DIR)
