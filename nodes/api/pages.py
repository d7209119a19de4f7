"""Answer long lists in parts."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from ninja import Field, Schema
from ninja.pagination import PaginationBase


class Pages(PaginationBase):
    """``limit`` and ``offset`` choose the part; ``total`` says how many there are."""

    class Input(Schema):
        limit: int = Field(100, ge=1, le=1000)
        offset: int = Field(0, ge=0, lt=2**31)

    class Output(Schema):
        items: list[Any]
        total: int

    def paginate_queryset(
        self, queryset: QuerySet[Any], pagination: Input, request: HttpRequest, **params: Any
    ) -> dict[str, Any]:
        part = queryset[pagination.offset : pagination.offset + pagination.limit]
        return {"items": part, "total": queryset.count()}
