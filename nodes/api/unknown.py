"""Answer addresses that the API does not have as it answers everything else."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from ninja import Router

from nodes.api.auth import viewer

router = Router()


@router.api_operation(
    ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
    "/{path:address}",
    auth=viewer,
    include_in_schema=False,
)
def unknown(request: HttpRequest, address: str) -> HttpResponse:
    raise Http404
