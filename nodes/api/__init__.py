"""REST: the same operations as the pages, for programs."""

from __future__ import annotations

from ninja import NinjaAPI

from nodes.api import (
    archives,
    batches,
    container_actions,
    containers,
    contents,
    nodes,
    operations,
    schedules,
    site_key,
    unknown,
)
from nodes.api.auth import viewer
from nodes.api.errors import add_error_handlers

api = NinjaAPI(title="Ferry", version="1", docs_url=None, auth=viewer)
add_error_handlers(api)
api.add_router("", site_key.router)
api.add_router("", containers.router)
api.add_router("", container_actions.router)
api.add_router("/nodes", nodes.router)
api.add_router("/operations", operations.router)
api.add_router("/batches", batches.router)
api.add_router("/archives", archives.router)
api.add_router("/archives", contents.router)
api.add_router("", schedules.router)
# Last: it takes what the others leave.
api.add_router("", unknown.router)
