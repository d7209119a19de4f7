"""The site's own SSH public key, to be authorised on nodes."""

from __future__ import annotations

from django.http import HttpRequest
from ninja import Router, Schema

from nodes.api.auth import viewer
from nodes.inventory.site_key import load_site_key

router = Router(tags=["nodes"])


class SiteKeyOut(Schema):
    public_key: str


@router.get("/site-key", auth=viewer, response=SiteKeyOut)
def get_site_key(request: HttpRequest) -> dict[str, str]:
    return {"public_key": load_site_key().public_key}
