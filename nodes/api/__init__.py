"""REST: the same operations as the pages, for programs."""

from __future__ import annotations

from ninja import NinjaAPI

api = NinjaAPI(title="Ferry", version="1", docs_url=None)
